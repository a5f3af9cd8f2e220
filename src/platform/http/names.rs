//! The Host header: a page of somebody else's that makes a browser ask us by its own name (DNS rebinding) is told that
//! it is wrong here.
use std::net::IpAddr;

/// The names that this machine is asked by, beside IP addresses and localhost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// This host's name, whole and without its domain, and what the configuration adds.
    pub fn new(hostname: &str, more: &[String]) -> Names {
        let short = hostname.split('.').next().unwrap_or_default();
        let own = [hostname, short].into_iter().filter(|name| !name.is_empty());
        Names(own.chain(more.iter().map(String::as_str)).map(plain).collect())
    }

    /// Of the machine that this runs on.
    pub fn of_this_host(more: &[String]) -> Names {
        // A host without a readable name is asked by address.
        let name = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Names::new(&name, more)
    }

    /// Whether a Host header, with or without a port, names this machine.
    pub fn has(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        if let Some(inner) = name.strip_prefix('[') {
            return inner.strip_suffix(']').is_some_and(|ip| ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()));
        }
        // Nothing else is in the name of a host: what a user's name is put before is not one.
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) {
            return false;
        }
        let name = plain(name);
        name.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4())
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.0.contains(&name)
    }
}

/// Names are compared in lower case and without the root's dot.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn without_port(host: &str) -> Option<&str> {
    let end = match host.starts_with('[') {
        true => host.find(']')? + 1,
        false => host.find(':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at(end);
    let port = port.strip_prefix(':').unwrap_or(port);
    port.bytes().all(|b| b.is_ascii_digit()).then_some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_these_names_and_no_others() {
        let names = Names::new("Node7.example.org", &["status.example.org".to_owned()]);
        for host in [
            "localhost",
            "LOCALHOST:8790",
            "a.localhost",
            "127.0.0.1:8790",
            "192.0.2.1",
            "[::1]:8790",
            "[fe80::1]",
            "node7",
            "node7:8790",
            "node7.example.org.",
            "NODE7.example.org:8790",
            "status.example.org",
        ] {
            assert!(names.has(host), "{host}");
        }
        for host in [
            "",
            ":8790",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "node7.evil.example",
            "user@localhost",
            "localhost@evil",
            "evil@a.localhost",
            "evil/a.localhost",
            "a b.localhost",
            "localhost:80x",
            "[::1",
            "[::1]x",
            "[127.0.0.1]",
            "::1",
            "[]",
        ] {
            assert!(!names.has(host), "{host}");
        }
        assert!(Names::new("", &[]).has("127.0.0.1") && !Names::new("", &[]).has("."));
    }
}
