//! HTTP against those who only connect: whoever may reach the ports may not take them from the operator.
use crate::machine::Machine;
use crate::suite::{MINUTE, daemons, get, running, start};

on_both!(an_idle_flood_bars_no_operator);

/// Holds 1,500 connections from two addresses and opens a new one for each that it gives up, so that the flood never
/// rests.
const FLOOD: &str = r#"
use Socket;
my (@held, $n);
my $to = sockaddr_in(8790, inet_aton("127.0.0.1"));
while (1) {
    socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
    bind($s, sockaddr_in(0, inet_aton($n++ % 2 ? "127.0.0.2" : "127.0.0.3"))) or die "bind: $!";
    connect($s, $to) or die "connect: $!";
    push @held, $s;
    if (@held > 1500) { shift @held; open(my $f, ">", "/run/flooded"); select(undef, undef, undef, 0.005); }
}
"#;
const SERVER: &str = "ringrift-health-server.service";

fn an_idle_flood_bars_no_operator(m: &Machine) {
    start(m);
    let pid = m.show(SERVER, "MainPID");
    m.write("/root/flood.pl", FLOOD);
    m.ok("systemd-run --unit=flood -p LimitNOFILE=8192 perl /root/flood.pl");
    m.wait_for("1,500 connections", MINUTE, || match m.run("test -e /run/flooded") {
        ran if ran.code == 0 => Ok(()),
        _ => Err(m.run("systemctl status flood").out),
    });
    for _ in 0..20 {
        let said = get(m, 8790, "/health");
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    }
    assert_eq!(
        m.show("flood", "ActiveState"),
        "active",
        "the flood went on: {}",
        m.run("journalctl -u flood -n 5").out
    );
    let descriptors = m.ok(&format!("ls /proc/{pid}/fd | wc -l"));
    assert!(descriptors.parse::<u32>().is_ok_and(|n| n < 400), "{descriptors} descriptors");
    assert_eq!(m.show(SERVER, "LimitNOFILE"), "4096");
    // Told once, if at all, and not once for each.
    let lines = m.journal(&format!("-u {SERVER} -p warning"));
    assert!(lines.len() < 20, "{} lines", lines.len());
    m.ok("systemctl stop flood");
    // What is no plain question has its answer too.
    for (request, status) in [
        ("GET /health HTTP/1.1\\r\\nHost: evil.example\\r\\nConnection: close", "421"),
        ("POST /health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close", "405"),
        ("HEAD /health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close", "200"),
        ("GET /health HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 5\\r\\nConnection: close", "413"),
    ] {
        let talk = format!("exec 3<>/dev/tcp/127.0.0.1/8790; printf '{request}\\r\\n\\r\\n' >&3; cat <&3");
        let said = m.ok(&format!("timeout 20 bash -c \"{talk}\""));
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {said}");
    }
    assert_eq!((m.show(SERVER, "MainPID"), m.show(SERVER, "NRestarts")), (pid, "0".to_owned()));
    running(m, daemons()).expect("all run as before");
}
