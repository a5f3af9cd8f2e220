//! `ringrift-data-pipeline`: the daemon DATA_PIPELINE.
fn main() -> std::process::ExitCode {
    ringrift::programs::data_pipeline()
}
