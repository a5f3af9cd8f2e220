//! The table of rights, cell by cell: each class of caller makes each call at the hubs as they run.
use crate::machine::Machine;
use crate::suite::{MINUTE, start};
use ringrift::contract::rights::{Class, Need, rows as table};
use ringrift::contract::{catalog, coordinator, job, master, router};
use std::collections::BTreeMap;

on_both!(
    every_cell_of_the_table_of_rights,
    members_read_and_administrators_control,
    the_flag_in_tmp_is_for_administrators
);

/// Calls every method named on its input, with an argument that none has, and prints the error or "ok". perl-base is in
/// every Debian.
const CALLER: &str = r#"
use strict; use IO::Socket::UNIX;
while (my $line = <STDIN>) {
    my ($socket, $method) = split ' ', $line;
    my $s = IO::Socket::UNIX->new(Peer => "/run/ringrift/$socket");
    unless ($s) { print "$method unreachable: $!\n"; next; }
    print $s qq({"method":"$method","parameters":{"no_such_argument":1},"more":true}\0);
    local $/ = "\0"; my $reply = <$s> // "";
    print "$method ", ($reply =~ /"error":"([^"]+)"/ ? $1 : $reply =~ /parameters/ ? "ok" : "no answer"), "\n";
    $/ = "\n";
}
"#;

/// Users by class; an instance of a job has a uid of its own and the jobs' group.
const USERS: [(Class, &str); 7] = [
    (Class::Anybody, "setpriv --reuid=plain --regid=plain --init-groups"),
    (Class::Job, "setpriv --reuid=61500 --regid=ringrift-job --clear-groups"),
    (Class::Member, "setpriv --reuid=reader --regid=reader --init-groups"),
    (Class::Admin, "setpriv --reuid=boss --regid=boss --init-groups"),
    (Class::Suite, "setpriv --reuid=ringrift --regid=ringrift --init-groups"),
    (Class::Suite, "setpriv --reuid=ringrift-master --regid=ringrift-master --init-groups"),
    (Class::Root, ""),
];

fn users(m: &Machine) {
    m.ok("useradd --user-group plain; useradd --user-group -G ringrift reader; useradd --user-group -G ringrift-admin boss");
}

fn socket(interface: &str) -> Option<&'static str> {
    match interface {
        router::INTERFACE => Some("router.sock"),
        coordinator::INTERFACE => Some("coordinator.sock"),
        catalog::INTERFACE => Some("catalog.sock"),
        job::INTERFACE => Some("job.sock"),
        _ => None,
    }
}

fn every_cell_of_the_table_of_rights(m: &Machine) {
    users(m);
    start(m);
    m.write("/usr/local/share/caller.pl", CALLER);
    let rows = || table().filter_map(|row| socket(row.interface).map(|socket| (socket, row)));
    let calls: Vec<String> = rows().map(|(socket, row)| format!("{socket} {}.{}", row.interface, row.method)).collect();
    m.write("/usr/local/share/calls", &format!("{}\n", calls.join("\n")));
    let mut wrong = Vec::new();
    // The bus turns away numbers without a name, as an instance's is in this test.
    let on_the_bus = |user: &str| user.replace("--reuid=61500", "--reuid=ringrift-job");
    for (class, user) in USERS {
        let said = m.ok(&format!("{user} perl /usr/local/share/caller.pl < /usr/local/share/calls"));
        let said: BTreeMap<&str, &str> = said.lines().filter_map(|line| line.split_once(' ')).collect();
        // The master has nothing to do with the jobs' socket, whose mode says so.
        for (socket, row) in rows().filter(|(socket, _)| *socket != "job.sock" || !user.contains("ringrift-master")) {
            let method = format!("{}.{}", row.interface, row.method);
            let answer = said.get(method.as_str()).copied().unwrap_or("nothing");
            let allowed = row.need.allows(class);
            let refused = answer == "org.varlink.service.PermissionDenied"
                || (socket == "job.sock" && answer.starts_with("unreachable"));
            let heard = answer == "ok" || answer.starts_with("org.") && !refused;
            if allowed != heard || allowed == refused {
                wrong.push(format!(
                    "{class:?} {user}: {method}: {answer}, wanted {}",
                    if allowed { "an answer" } else { "a refusal" }
                ));
            }
        }
        for row in table().filter(|row| row.interface == master::INTERFACE) {
            let arguments = match row.method {
                "ListProfiles" | "Drift" | "ListDaemons" | "Health" | "ListJobs" | "Reload" => "",
                "StopDaemon" => "as 1 idle_resource",
                _ => continue,
            };
            let bus = format!("busctl --timeout=60 call {0} /org/ringrift/Master1 {0}", master::INTERFACE);
            let asked = m.run(&format!("{} {bus} {} {arguments}", on_the_bus(user), row.method));
            if (asked.code == 0) != row.need.allows(class) {
                wrong.push(format!("{class:?} {user}: {}: {} {}", row.method, asked.out, asked.err));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(Need::ALL.iter().all(|need| table().any(|row| row.need == *need)));
    assert!(m.run("ringrift emergency status").code == 0, "no call with a wrong argument did anything");
}

fn members_read_and_administrators_control(m: &Machine) {
    users(m);
    start(m);
    let denied = |user: &str, command: &str| {
        let ran = m.run_as(user, command);
        assert_eq!(ran.code, 77, "{user}: {command}: {} {}", ran.out, ran.err);
        ran.err
    };
    let seen = m.run_as("plain", "ringrift status");
    assert!(matches!(seen.code, 0 | 4) && seen.out.contains("daemons run"), "{} {} {}", seen.code, seen.out, seen.err);
    assert!(
        denied("plain", "ringrift jobs queue").contains("adduser $USER ringrift`"),
        "the group that helps is named"
    );
    for look in ["ringrift jobs queue", "ringrift jobs list", "ringrift events stats", "ringrift events subscribers"] {
        m.ok_as("reader", look);
        m.ok_as("boss", look);
    }
    m.ok_as("reader", "ringrift events emit external.test n=1");
    denied("plain", "ringrift events emit external.test n=1");
    denied("reader", "ringrift events emit exploration_boost config_key=hex8_2p boost_factor=1.5 reason=mine");
    assert!(denied("reader", "ringrift emergency halt mine").contains("ringrift-admin"));
    denied("reader", "ringrift events retire data-pipeline");
    // Nobody takes over a daemon's subscription.
    m.write(
        "/usr/local/share/caller.pl",
        &CALLER.replace(r#"{"no_such_argument":1}"#, r#"{"name":"data-pipeline","token":"t","seqs":[1]}"#),
    );
    let take = "printf 'router.sock org.ringrift.Router.Subscribe\\nrouter.sock org.ringrift.Router.Ack\\n' | perl /usr/local/share/caller.pl";
    for user in ["reader", "boss"] {
        let said = m.ok_as(user, take);
        assert_eq!(
            said.matches("PermissionDenied").count(),
            2 - usize::from(said.contains("Subscribe org.varlink.service.InvalidParameter")),
            "{said}"
        );
    }
    // Who halts is named by the kernel.
    m.ok_as("boss", "ringrift emergency halt 'a test of rights'");
    let status = m.run("ringrift emergency status").out;
    assert!(status.contains("by boss") && status.contains("a test of rights"), "{status}");
    denied("reader", "ringrift emergency clear");
    m.ok_as("boss", "ringrift emergency clear");
    m.ok("ringrift emergency status");
}

fn the_flag_in_tmp_is_for_administrators(m: &Machine) {
    users(m);
    start(m);
    let flag = "/tmp/ringrift_coordination/EMERGENCY_HALT";
    for user in ["plain", "reader", "ringrift-job"] {
        assert_ne!(m.run_as(user, &format!("touch {flag}")).code, 0, "{user} made the flag");
    }
    // One that got there all the same halts nothing, and is reported.
    m.ok(&format!("touch {flag} && chown plain {flag}"));
    m.wait_for("the flag to be told of", MINUTE, || {
        let told = m.run("journalctl -o cat -u ringrift-emergency.service").out;
        if told.contains("ignored") && told.contains("user plain") { Ok(()) } else { Err(told) }
    });
    m.ok("ringrift emergency status");
    // And hides none that counts.
    m.ok("echo stop > /run/ringrift/EMERGENCY_HALT");
    m.wait_for("the halt", MINUTE, || {
        if m.run("ringrift emergency status").code == 3 { Ok(()) } else { Err(String::new()) }
    });
    m.ok(&format!("rm /run/ringrift/EMERGENCY_HALT {flag}"));
    m.wait_for("its end", MINUTE, || {
        if m.run("ringrift emergency status").code == 0 { Ok(()) } else { Err(String::new()) }
    });
    m.ok_as("boss", &format!("echo 'by an old script' > {flag}"));
    m.wait_for("the halt", MINUTE, || {
        if m.run("ringrift emergency status").code == 3 { Ok(()) } else { Err(String::new()) }
    });
}
