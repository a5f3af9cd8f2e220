//! `ringrift-training-node-watcher`: the daemon TRAINING_NODE_WATCHER.
fn main() -> std::process::ExitCode {
    ringrift::programs::training_node_watcher()
}
