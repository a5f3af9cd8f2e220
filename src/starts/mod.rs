//! Keeps the count of starts honest: run after each stop of a service, before and after each start of the suite.
mod manager;
mod up;

use crate::contract::error::{Exit, Failure, chain};
use crate::contract::registry::HUB_SERVICES;
use crate::platform::journal;
use crate::platform::systemd::{ServiceError, ServiceManager};
use clap::{Parser, Subcommand};
use manager::{IN_ORDER, systemd, unavailable};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Longest time for what is done at each stop of a service; without it only a counter stays.
const RPC_TIMEOUT: Duration = Duration::from_secs(5);

/// The command line of `ringrift-starts`.
#[derive(Debug, Parser)]
#[command(
    name = "ringrift-starts",
    version,
    about = "Resets the start counter after clean exits; run by the units of the suite"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// After a service has stopped (ExecStopPost=): an end in order clears its start limit and its restart delay
    Stopped {
        /// The service
        unit: String,
    },
    /// Before the suite starts: forgets earlier failures
    Prepare,
    /// After the suite was started: waits for the hubs, and fails with the name of one that does not come up
    Up,
}

/// The program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    journal::init("ringrift-starts");
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::new(Exit::Failure, format!("starting the runtime: {error}"))),
    };
    let done = runtime.block_on(async {
        match arguments.verb {
            Verb::Stopped { unit } => stopped(&unit).await,
            Verb::Prepare => prepare().await,
            Verb::Up => up::up().await,
        }
    });
    done.map_or_else(|failure| report(&failure), |()| Exit::Ok.into())
}

fn report(failure: &Failure) -> ExitCode {
    let hint = failure.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
    tracing::error!("{}{hint}", chain(failure));
    failure.exit.into()
}

/// systemd sets SERVICE_RESULT and RUNTIME_DIRECTORY for ExecStopPost=.
async fn stopped(unit: &str) -> Result<(), Failure> {
    if std::env::var("SERVICE_RESULT").as_deref() != Ok(IN_ORDER) {
        return Ok(());
    }
    if let Some(directory) = std::env::var("RUNTIME_DIRECTORY").ok().as_deref().and_then(|list| list.split(':').next())
    {
        forget_restarts(Path::new(directory))?;
    }
    let reset = async { systemd().await?.reset_failed(unit).await.map_err(unavailable) };
    tokio::time::timeout(RPC_TIMEOUT, reset).await.unwrap_or_else(|_| {
        Err(Failure::new(
            Exit::Unavailable,
            format!("resetting the start counter of {unit}: no answer in {RPC_TIMEOUT:?}"),
        ))
    })
}

/// The runtime's own count, on systemd before 254.
fn forget_restarts(directory: &Path) -> Result<(), Failure> {
    let file = directory.join(crate::contract::paths::RESTARTS_FILE);
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(Exit::Failure, format!("removing {}", file.display())).caused_by(error))
        }
        _ => Ok(()),
    }
}

async fn prepare() -> Result<(), Failure> {
    let systemd = systemd().await?;
    // Jobs are instances of templates; their failures are the coordinator's to remember.
    let failed = systemd.failed("ringrift-*").await.map_err(unavailable)?;
    let failed: Vec<&str> = failed.iter().map(String::as_str).filter(|unit| !unit.contains('@')).collect();
    // A hub is never in the state "failed" for long; what is forgotten are its restarts.
    let hubs = HUB_SERVICES.iter().copied().filter(|hub| !failed.contains(hub));
    for unit in failed.iter().copied().chain(hubs) {
        match systemd.reset_failed(unit).await {
            Ok(()) if failed.contains(&unit) => tracing::info!("{unit} had failed; its start counter is reset"),
            Ok(()) | Err(ServiceError::NoSuchUnit { .. }) => {}
            Err(error) => tracing::warn!("{error}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_of_restarts_is_forgotten_and_an_absent_one_is_fine() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join(crate::contract::paths::RESTARTS_FILE);
        std::fs::write(&file, "3\n").expect("written");
        forget_restarts(directory.path()).expect("removed");
        assert!(!file.exists());
        forget_restarts(directory.path()).expect("nothing to remove");
    }
}
