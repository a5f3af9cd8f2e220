//! `ringrift-auto-export`: the daemon AUTO_EXPORT.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::pipeline::auto_export::AutoExport>()
}
