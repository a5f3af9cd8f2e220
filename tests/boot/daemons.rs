//! Each daemon by itself: that it runs, and what it does with its inputs. A new daemon's scenario stands here.
use crate::machine::Machine;
use crate::suite::{MINUTE, start, states};
use ringrift::contract::registry::{Profile, built};

on_both!(
    every_built_daemon_runs_also_outside_of_the_profile,
    // New scenarios above this line; `scripts/new-daemon` puts them there.
);

fn every_built_daemon_runs_also_outside_of_the_profile(m: &Machine) {
    start(m);
    let others = built().filter(|spec| !Profile::Standalone.built().contains(&spec.daemon));
    for spec in others {
        m.ok(&format!("ringrift daemon start {}", spec.name));
        m.wait_for(&format!("{} to run", spec.name), MINUTE, || match states(m)?.get(spec.name) {
            Some(state) if state == "RUNNING" => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
}
