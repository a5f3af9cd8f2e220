//! `ringrift-workload`: the built-in workload's command line.
fn main() {}
