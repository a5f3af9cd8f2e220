//! Starts and stops daemons by the applied profile, with systemd over D-Bus, starts and watches job units, offers
//! `org.ringrift.Master1`. It supervises nothing itself and never calls systemctl.
mod bus;
mod calls;
mod clock;
mod control;
mod engine;
pub mod guard;
mod interface;
mod jobs;
pub mod link;
mod lock;
mod names;
mod restarts;
mod run;
pub mod settings;
mod show;
mod store;
mod world;

use crate::contract::config::Config;
use crate::contract::error::{Exit, Failure, chain};
use crate::contract::messages;
use crate::platform::{config, journal, notify, terminal};
use crate::runtime::backoff;
use clap::Parser;
use settings::Settings;
use std::process::ExitCode;

/// The command line of `ringrift-master`. Everything else is configured, since the unit types no flags.
#[derive(Debug, Parser)]
#[command(name = "ringrift-master", version, about = "Starts and stops daemons by the applied profile")]
pub struct Arguments {
    /// Prints what a start would start and stop, changes nothing and exits
    #[arg(long)]
    dry_run: bool,
}

/// The program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    journal::init("ringrift-master");
    let restarts = if arguments.dry_run { None } else { Some(backoff::wait_if_restarted()) };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::new(Exit::Failure, format!("starting the runtime: {error}"))),
    };
    let local = tokio::task::LocalSet::new();
    let ended = local.block_on(&runtime, async {
        let settings = Settings::installed();
        if arguments.dry_run {
            let config = load().map_err(|e| Failure::new(Exit::Config, e))?;
            let plan = run::dry_run(&settings, &config).await?;
            print(&plan);
            return Ok(());
        }
        run::run(settings, load, restarts).await
    });
    // Threads that wait for a socket do not hold up the end.
    runtime.shutdown_background();
    match ended {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => report(&failure),
    }
}

/// The configuration, checked; the error has a line for each thing that is wrong.
fn load() -> Result<Config, String> {
    let loaded = config::load(&config::Dirs::daemon()).map_err(|e| e.to_string())?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    Ok(loaded.config)
}

fn print(plan: &crate::contract::master::Plan) {
    let lines = [
        ("start", &plan.start),
        ("stop", &plan.stop),
        ("stay", &plan.stay),
        ("planned", &plan.planned),
        ("off", &plan.disabled),
    ];
    let mut text = format!("profile {}\n", plan.profile);
    for (word, names) in lines.into_iter().filter(|(_, names)| !names.is_empty()) {
        text += &format!("{word:8}{}\n", names.join(" "));
    }
    // A reader that went away has what it wanted.
    drop(terminal::print(&text));
}

fn report(failure: &Failure) -> ExitCode {
    let hint = failure.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
    if failure.exit == Exit::Config {
        tracing::error!(MESSAGE_ID = messages::CONFIG_REFUSED, "configuration rejected: {}{hint}", chain(failure));
    } else {
        tracing::error!("{}{hint}", chain(failure));
    }
    notify::status(chain(failure));
    failure.exit.into()
}
