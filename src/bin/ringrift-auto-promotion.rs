//! `ringrift-auto-promotion`: the daemon AUTO_PROMOTION.
fn main() -> std::process::ExitCode {
    ringrift::runtime::run_simple::<ringrift::daemons::evaluation::auto_promotion::AutoPromotion>()
}
