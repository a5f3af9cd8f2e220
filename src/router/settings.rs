//! The router's command line and configuration.
use super::delivery::Rules;
use crate::contract::config;
use crate::contract::error::{Exit, Failure};
use crate::contract::ids::NodeId;
use crate::platform;
use std::path::PathBuf;

/// The event router: takes events, keeps them on disk, hands them to subscribers until they are handled. Started by
/// systemd.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "ringrift-event-router", version, about)]
pub struct Args {
    /// Listen here when systemd passes no socket.
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Keep events.db in this directory instead of $STATE_DIRECTORY.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// This machine's name in the fleet; the host name's first label when absent.
    #[arg(long, value_name = "NAME")]
    pub node: Option<NodeId>,
    /// For tests: the database is full at this many pages.
    #[arg(long, hide = true)]
    pub max_pages: Option<u32>,
    /// For tests: publishes are acknowledged before they are on disk, so that a proof that the disk is waited for can
    /// be seen to fail.
    #[arg(long, hide = true)]
    pub no_sync: bool,
    /// For tests: milliseconds before the second try, instead of router.retry_base_seconds.
    #[arg(long, hide = true)]
    pub retry_base_ms: Option<u32>,
}

/// Crashes of a subscriber over one event until that event is given up. With systemd's five restarts the sixth start
/// finds the event gone.
const MAX_CRASHES: u32 = 5;

/// What the router works by; replaced as a whole on reload.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How failed deliveries are treated.
    pub rules: Rules,
    /// Bytes of the log above which the oldest handled events go first.
    pub max_bytes: u64,
    /// Microseconds that a subscriber may be away before health says so; nothing: for ever.
    pub absent_us: Option<i64>,
    /// The same before it is retired.
    pub retire_us: Option<i64>,
    /// Bytes of one type above which its oldest handled events go first.
    pub max_type_bytes: u64,
}

impl Settings {
    /// From the configuration and, for tests, the command line.
    pub fn new(config: &config::Router, args: &Args) -> Settings {
        let base_us =
            args.retry_base_ms.map_or(i64::from(config.retry_base_seconds) * 1_000_000, |ms| i64::from(ms) * 1_000);
        let max_us = i64::from(config.retry_max_seconds) * 1_000_000;
        Settings {
            rules: Rules { max_attempts: config.max_attempts, base_us, max_us, max_crashes: MAX_CRASHES },
            max_bytes: config.max_bytes,
            absent_us: days(config.absent_days),
            retire_us: days(config.retire_days),
            max_type_bytes: config.max_type_bytes,
        }
    }
}

fn days(days: u32) -> Option<i64> {
    (days > 0).then(|| i64::from(days) * 86_400_000_000)
}

/// The configuration in force, checked.
pub fn load() -> Result<config::Config, Failure> {
    let loaded = platform::config::load(&platform::config::Dirs::daemon())
        .map_err(|e| Failure::new(Exit::Config, e.to_string()).hint("`ringrift config check` shows all errors"))?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    Ok(loaded.config)
}

/// The directory of the database.
pub fn state_directory(args: &Args) -> Result<PathBuf, Failure> {
    let given = args.state.clone().or_else(|| {
        // systemd joins several with colons; the first one is ours.
        let list = std::env::var("STATE_DIRECTORY").ok()?;
        list.split(':').next().filter(|first| !first.is_empty()).map(PathBuf::from)
    });
    given.ok_or_else(|| {
        Failure::new(Exit::Config, "no state directory: neither $STATE_DIRECTORY nor --state is set")
            .hint("start it with systemctl start ringrift-event-router, or give --state DIR")
    })
}

/// This machine's name.
pub fn node(args: &Args, config: &config::Config) -> Result<NodeId, Failure> {
    if let Some(node) = &args.node {
        return Ok(node.clone());
    }
    let name = if config.node_id.is_empty() {
        let host = nix::unistd::gethostname()
            .map_err(|e| Failure::new(Exit::Failure, "reading the host name").caused_by(e))?;
        host.to_string_lossy().split('.').next().unwrap_or_default().to_owned()
    } else {
        config.node_id.clone()
    };
    NodeId::new(name).map_err(|e| {
        Failure::new(Exit::Config, "the host name is not a valid node id")
            .hint("set node_id in /etc/ringrift/unified_loop.yaml")
            .caused_by(e)
    })
}
