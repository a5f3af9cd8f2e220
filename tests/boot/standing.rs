//! What stands: a loop that is given nothing to do, and events that wait behind one that is not done. `ringrift status`
//! says both.
use crate::emergency::call;
use crate::faults::problems;
use crate::machine::Machine;
use crate::suite::{MINUTE, start};

on_both!(a_loop_that_stands_still_says_so, a_lane_that_stands_is_a_problem_until_it_moves);

/// Something done to a machine.
type Doing<'a> = &'a dyn Fn(&Machine);

fn shows(m: &Machine, command: &str, wanted: &str) -> Result<String, String> {
    let ran = m.run(command);
    if ran.out.contains(wanted) { Ok(ran.out) } else { Err(format!("{} {}", ran.out, ran.err)) }
}

fn well(m: &Machine) {
    m.wait_for("all to be well", 2 * MINUTE, || match m.run("ringrift status") {
        said if said.code == 0 && said.out.contains("all is well") => Ok(()),
        said => Err(format!("{} {}", said.out, said.err)),
    });
}

fn a_loop_that_stands_still_says_so(m: &Machine) {
    start(m);
    well(m);
    // Halted, paused, and a gate that is shut: each with its reason, in both places.
    let gate = "safeguards: {disk: {warning: 1, critical: 2}, memory: {warning: 98, critical: 99}, memory_stall: {warning: 98, critical: 99}}\n";
    let shut = |m: &Machine| {
        m.write("/etc/ringrift/conf.d/60-gate.yaml", gate);
        m.ok("ringrift config reload");
    };
    let opened = |m: &Machine| {
        m.ok("rm /etc/ringrift/conf.d/60-gate.yaml; ringrift config reload");
    };
    let stands: [(Doing, &str, &str, Doing); 3] = [
        (
            &|m| {
                m.ok("ringrift emergency halt smoke");
            },
            "RR-HALT",
            "emergency halt by root: smoke",
            &|m| {
                m.ok("ringrift emergency clear");
            },
        ),
        (
            &|m| {
                call(m, "Pause", r#"{"reason":"maintenance"}"#);
            },
            "RR-QUEUE-PAUSED",
            "paused by root: maintenance",
            &|m| {
                call(m, "Resume", "{}");
            },
        ),
        (&shut, "RR-DISK-LOW", "disk: ", &opened),
    ];
    for (stop, code, why, go) in stands {
        stop(m);
        m.wait_for(code, MINUTE, || match problems(m) {
            found if found.first().is_some_and(|p| p["code"] == code) => Ok(()),
            found => Err(format!("{found:?}")),
        });
        let status = m.run("ringrift status").out;
        let headline = status.lines().next().expect("a line");
        assert!(headline.starts_with("● ringrift: ") && !headline.contains("all is well"), "{status}");
        let line = format!("the loop stands still: {why}");
        let alone = m.wait_for(&line, MINUTE, || shows(m, "ringrift daemon status EVALUATION", &line));
        assert!(alone.contains("RUNNING (healthy)"), "it is no fault of the daemon's: {alone}");
        m.wait_for("the same for programs", MINUTE, || shows(m, "ringrift status --json", "\"loop_stands\""));
        println!("{:?}\n{status}\n{alone}", m.suite);
        go(m);
        well(m);
    }
}

/// How often new games were announced.
fn announced(m: &Machine) -> usize {
    m.ok("ringrift events tail --type NEW_GAMES_AVAILABLE --json -n 1000").lines().count()
}

/// DATA_PIPELINE takes nothing over from a disk that is too full: the first result waits, and all later ones of its
/// configuration behind.
fn a_lane_that_stands_is_a_problem_until_it_moves(m: &Machine) {
    start(m);
    m.write("/etc/ringrift/conf.d/60-full.yaml", "daemons: {data_pipeline: {max_disk_percent: 1}}\n");
    m.ok("ringrift config reload");
    let status = m.wait_for("the lane to be a problem", 5 * MINUTE, || {
        let found = problems(m)
            .into_iter()
            .any(|p| p["code"] == "RR-LANE-STANDS" && p.to_string().contains("data-pipeline: square8_2p behind event"));
        let status = m.run("ringrift status").out;
        if found { Ok(status) } else { Err(status) }
    });
    println!("{:?}\n{status}", m.suite);
    assert!(status.contains("DATA_PIPELINE") && !status.contains("all is well"), "{status}");
    let before = announced(m);
    m.ok("rm /etc/ringrift/conf.d/60-full.yaml; ringrift config reload");
    m.wait_for("the lane to go on", 2 * MINUTE, || match problems(m) {
        found if found.iter().any(|p| p["code"] == "RR-LANE-STANDS" || p["subject"]["name"] == "DATA_PIPELINE") => {
            Err(format!("{found:?}"))
        }
        _ => Ok(()),
    });
    m.wait_for("games of the results that waited", MINUTE, || match announced(m) {
        now if now > before => Ok(()),
        now => Err(format!("{now} of before {before}")),
    });
}
