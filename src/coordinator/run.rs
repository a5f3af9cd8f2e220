//! The process: sets everything up, then turns until it is asked to stop.
use super::args::{Args, unit_directory};
use super::change::Now;
use super::halt::Halter;
use super::jobs::Jobs;
use super::outbox_signal::OutboxSignal;
use super::service::Coordinator;
use super::sockets::{self, Passed};
use super::state::State;
use super::status::StatusWriter;
use super::writer::Core;
use super::{flags, gates, publisher, reports, schema};
use crate::contract::config::{Begun, Config, Reader};
use crate::contract::coordinator::LifeState;
use crate::contract::coordinator::safeguards::MANAGER_SHUTDOWN;
use crate::contract::error::{Exit, Failure, chain};
use crate::contract::health::State as DaemonState;
use crate::contract::messages;
use crate::platform::host::{Machine, node_id};
use crate::platform::socket_file::SocketFile;
use crate::platform::store::{self, Keep};
use crate::platform::systemd::SystemdView;
use crate::platform::userdb::DynamicUsers;
use crate::platform::{clock, config, journal, notify};
use crate::runtime::backoff::{self, Restarts};
use clap::Parser;
use nix::fcntl::{Flock, FlockArg};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest turn of the main loop.
const TURN: Duration = Duration::from_secs(5);
/// A store that says nothing for so long is broken; below half of WatchdogSec=30.
const RPC_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a router that is away is waited for at the end; what is left in the outbox is published at the next start.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);
/// What each manager gets for its end.
const SHUTDOWN: Duration = Duration::from_secs(MANAGER_SHUTDOWN);

/// The program.
pub fn main() -> ExitCode {
    let args = Args::parse();
    journal::init("ringrift-coordinator");
    let restarts = backoff::wait_if_restarted();
    match run(&args, restarts) {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => {
            match failure.exit {
                Exit::Config => tracing::error!(
                    MESSAGE_ID = messages::CONFIG_REFUSED,
                    "configuration rejected: {}",
                    chain(&failure)
                ),
                _ => tracing::error!("{}", chain(&failure)),
            }
            if let Some(hint) = &failure.hint {
                tracing::error!("{hint}");
            }
            notify::status(chain(&failure));
            failure.exit.into()
        }
    }
}

/// The configuration of this system; the error names file, line, column and key.
fn load_config() -> Result<Config, Failure> {
    let loaded = config::load(&config::Dirs::daemon())
        .map_err(|e| Failure::new(Exit::Config, e.to_string()).hint("`ringrift config check` shows the errors"))?;
    loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok(loaded.config)
}

/// One coordinator a database: a second one would grant the same slots.
fn lock(directory: &Path) -> Result<Flock<File>, Failure> {
    let path = directory.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| {
        let hint = "the state directory must exist and be writable";
        Failure::new(Exit::Failure, format!("opening {}", path.display())).hint(hint).caused_by(e)
    })?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, e)| {
        Failure::new(Exit::TempFail, format!("another coordinator uses {}", directory.display())).caused_by(e)
    })
}

fn run(args: &Args, restarts: Restarts) -> Result<(), Failure> {
    let failed = |what: &'static str| move |e: std::io::Error| Failure::new(Exit::Failure, what).caused_by(e);
    let errno = |what: &'static str| move |e: nix::errno::Errno| Failure::new(Exit::Failure, what).caused_by(e);
    let config = load_config()?;
    // Before any thread starts: signals are read from a descriptor.
    let mut signals = SigSet::empty();
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().for_each(|s| signals.add(s));
    signals.thread_block().map_err(errno("blocking signals"))?;
    let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(errno("making a signal descriptor"))?;

    let mut passed = Passed::look()?;
    let listener = passed.listener(args.socket.as_deref(), "coordinator")?;
    let job_listener = passed.listener(args.job_socket.as_deref(), "job")?;
    let socket_files = [&listener, &job_listener].into_iter().filter_map(SocketFile::of).collect();
    let no_state = || Failure::new(Exit::Usage, "no state directory").hint("give one with --state");
    let state_dir = args.state_directory().ok_or_else(no_state)?;
    let _lock = lock(&state_dir)?;
    let runtime_dir = args.runtime.clone().or_else(|| unit_directory("RUNTIME_DIRECTORY"));
    let path = state_dir.join("coordination.db");
    store::own(&path);
    let (db, epoch) = schema::open(&path, Keep::from(&config.databases), clock::awake())?;

    let begun = Begun::with(&config, Reader::Coordinator, clock::now_us());
    let node = node_id(&config.node_id);
    let settled_after = Duration::from_secs(config.master.reset_after.into());
    let cores = std::thread::available_parallelism().ok().and_then(|n| u32::try_from(n.get()).ok());
    let (seen_node, seen_dir) = (node.clone(), state_dir.clone());
    let look = gates::watch(move || Box::new(Machine::new(seen_node, seen_dir)))
        .map_err(failed("starting to watch the machine"))?;
    let mut state = State::new(config, node, cores, epoch, look);
    state.jobs.clone_from(&args.jobs);
    state.ages.guard = Some(schema::age_guard(&db, &path, crate::platform::age::clocks())?);
    let connections = Arc::clone(&state.leases.connections);
    if let Err(error) = std::fs::create_dir_all(&args.jobs) {
        tracing::warn!(%error, dir = %args.jobs.display(), "cannot create the jobs' directory; no job can start \
            without it");
    }
    let (wake, woken) = UnixStream::pair().map_err(failed("making the main loop's wake"))?;
    for end in [&wake, &woken] {
        end.set_nonblocking(true).map_err(failed("making the main loop's wake"))?;
    }
    let signal = Arc::new(OutboxSignal::default());
    let core =
        Core::start(db, state, Box::new(clocks), Arc::clone(&signal), wake).map_err(failed("starting the writer"))?;
    core.change(reports::take_over_all).map_err(|refusal| Failure::new(Exit::Failure, refusal.to_string()))?;
    publisher::start(core.clone(), Arc::clone(&signal), args.router.clone())
        .map_err(failed("starting the publisher"))?;

    let systemd = SystemdView::at(args.bus.clone(), crate::contract::paths::RUN);
    let halter = Arc::new(Halter::new(core.clone(), systemd, args.flag.clone()));
    // Before anybody may ask for a slot.
    halter.begin().map_err(|refusal| Failure::new(Exit::Failure, refusal.to_string()))?;
    let looked =
        flags::watch(Arc::clone(&halter), args.flags()).map_err(failed("starting to watch the emergency flags"))?;
    let watching = core.change(|cx| {
        cx.state.admission.flags = looked;
        Ok(())
    });
    watching.map_err(|refusal| Failure::new(Exit::Failure, refusal.to_string()))?;
    let their_core = core.clone();
    sockets::serve("coordinator", listener, move |stream| {
        let (core, halter) = (their_core.clone(), Arc::clone(&halter));
        Ok(Coordinator { core, halter, stream: stream.try_clone()? })
    })
    .map_err(failed("serving the coordinator's socket"))?;
    let (their_core, users) = (core.clone(), DynamicUsers::default());
    sockets::serve("job", job_listener, move |stream| Jobs::new(their_core.clone(), &users, &connections, stream))
        .map_err(failed("serving the jobs' socket"))?;

    core.alive(RPC_TIMEOUT).map_err(|refusal| Failure::new(Exit::Failure, refusal.to_string()))?;
    let running = core.change(|cx| {
        cx.state.managers.registry.set_all(LifeState::Running);
        Ok(())
    });
    running.map_err(|refusal| Failure::new(Exit::Failure, refusal.to_string()))?;
    notify::ready("ready");
    tracing::info!(database = %path.display(), "ready");
    let status = StatusWriter::new(runtime_dir.as_deref(), socket_files, begun);
    let settling = Some((Instant::now() + settled_after, restarts));
    Loop { core, outbox: signal, signals, woken, status, settling }.turn_until_told()
}

/// The clocks of the machine.
fn clocks() -> Now {
    Now { wall: clock::now(), mono: clock::awake(), boot: clock::boot() }
}

struct Loop {
    core: Core,
    outbox: Arc<OutboxSignal>,
    signals: SignalFd,
    woken: UnixStream,
    status: StatusWriter,
    /// When the count of restarts is cleared.
    settling: Option<(Instant, Restarts)>,
}

impl Loop {
    fn turn_until_told(mut self) -> Result<(), Failure> {
        loop {
            self.core.alive(RPC_TIMEOUT).map_err(|refusal| Failure::new(Exit::Failure, refusal.to_string()))?;
            notify::watchdog();
            if let Some((_, mut restarts)) = self.settling.take_if(|(at, _)| *at <= Instant::now()) {
                restarts.settle();
            }
            self.status.turn(&self.core, DaemonState::Running);
            self.wait()?;
            let mut buffer = [0; 256];
            while (&self.woken).read(&mut buffer).is_ok_and(|n| n > 0) {
                self.status.touch();
            }
            while let Ok(Some(signal)) = self.signals.read_signal() {
                if signal.ssi_signo == Signal::SIGHUP as u32 {
                    self.reload();
                } else {
                    return self.stop();
                }
            }
        }
    }

    fn wait(&self) -> Result<(), Failure> {
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if !self.status.is_touched() {
            // A wake only wants the status file written; one is enough until it is.
            fds.push(PollFd::new(self.woken.as_fd(), PollFlags::POLLIN));
        }
        let pause = self.status.pause().clamp(Duration::from_millis(1), TURN);
        let timeout = PollTimeout::try_from(pause).unwrap_or(PollTimeout::from(1000u16));
        match poll(&mut fds, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(errno) => Err(Failure::new(Exit::Failure, "waiting in the main loop").caused_by(errno)),
        }
    }

    fn reload(&mut self) {
        notify::reloading();
        match load_config() {
            Ok(config) => {
                self.status.config.taken(&config, clock::now_us());
                let done = self.core.change(move |cx| {
                    cx.state.configure(config);
                    Ok(())
                });
                tracing::info!(ok = done.is_ok(), "configuration reloaded");
                self.status.note("configuration reloaded");
            }
            Err(failure) => {
                self.status.config.refused(clock::now_us());
                let why = chain(&failure);
                tracing::error!(
                    MESSAGE_ID = messages::CONFIG_REFUSED,
                    "configuration rejected, the previous one stays in effect: {why}"
                );
                self.status.note(format!("invalid configuration, the previous one stays in effect: {failure}"));
            }
        }
        notify::ready("running");
        self.status.touch();
    }

    fn stop(mut self) -> Result<(), Failure> {
        notify::stopping("draining: no job starts");
        tracing::info!("stopping: no job starts");
        let order = self.core.within(SHUTDOWN, |cx| {
            cx.state.drain();
            Ok(cx.state.managers.registry.shutdown_order())
        });
        match order {
            Ok(order) => order.into_iter().for_each(|name| self.shut_down(name)),
            Err(refusal) => tracing::error!(%refusal, "draining"),
        }
        self.status.note("stopped");
        self.status.write(&self.core, DaemonState::Stopped);
        self.core.close();
        Ok(())
    }

    /// Ends one manager: what it was asked to do before this is done by then.
    fn shut_down(&self, name: String) {
        let begin = Instant::now();
        let draining = name.clone();
        let drained = self.core.within(SHUTDOWN, move |cx| {
            cx.state.managers.registry.set(&draining, LifeState::Draining);
            Ok(())
        });
        // The only manager that works beside the database.
        if name == "outbox" && !self.outbox.drained(DRAIN_TIMEOUT, SHUTDOWN) {
            tracing::info!("the router does not run; stored events are published at the next start");
        }
        let rest = SHUTDOWN.saturating_sub(begin.elapsed());
        let ended = drained.and_then(|()| {
            let stopped = name.clone();
            self.core.within(rest.max(Duration::from_secs(1)), move |cx| {
                cx.state.managers.registry.set(&stopped, LifeState::Stopped);
                Ok(())
            })
        });
        match ended {
            Ok(()) => tracing::debug!(manager = name, milliseconds = begin.elapsed().as_millis() as u64, "shut down"),
            Err(refusal) => {
                tracing::error!(manager = name, %refusal, "not shut down in time; continuing with the others")
            }
        }
    }
}
