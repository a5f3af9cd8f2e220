//! The runtime as processes: a toy daemon against hubs in memory. This program is the toy too, when RINGRIFT_TOY is
//! set.
// Tests kill processes of their own that they have not waited for yet: the pid is still theirs.
#![allow(clippy::disallowed_methods)]
mod exactly_once;
mod failures;
mod hubs;
mod life;
mod toy;
mod world;

#[path = "../until/mod.rs"]
mod until;

use std::process::ExitCode;

macro_rules! tests {
    ($($module:ident :: $name:ident),* $(,)?) => { &[$((concat!(stringify!($module), "::", stringify!($name)), $module::$name)),*] };
}

const TESTS: &[(&str, fn())] = tests![
    exactly_once::events_of_a_daemon_that_keeps_state,
    exactly_once::events_of_a_daemon_without_state,
    exactly_once::ticks,
    exactly_once::a_lost_acknowledgement,
    exactly_once::acknowledged_events_are_not_kept,
    exactly_once::outputs_of_a_dead_letter_are_not_sent_at_a_start,
    life::ready_means_subscribed_and_sigterm_drains,
    life::a_pause_survives_a_restart,
    life::a_bad_reload_keeps_the_old_configuration,
    life::a_reload_that_fails_is_shown,
    life::a_disabled_daemon_ends_at_once,
    life::a_bad_configuration_is_exit_78,
    life::calls_do_not_wait_for_peers,
    life::a_router_that_restarts,
    life::an_idle_daemon_has_few_threads,
    failures::failed_and_rejected_events,
    failures::what_a_failed_handler_saw_is_shown,
    failures::a_panic_ends_the_process_and_not_the_event,
    failures::a_broken_database_ends_the_process_and_not_the_event,
    failures::a_broken_database_that_a_call_meets_ends_the_process,
    failures::an_absent_peer_is_waited_for,
    failures::restarts_are_delayed,
];

fn main() -> ExitCode {
    if std::env::var_os("RINGRIFT_TOY").is_some() {
        return toy::run();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--list") {
        TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let chosen = TESTS.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| name.contains(w.as_str())));
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in chosen {
        let good = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
        if good { passed += 1 } else { failed += 1 }
    }
    println!("\ntest result: {}. {passed} passed; {failed} failed", if failed == 0 { "ok" } else { "FAILED" });
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
