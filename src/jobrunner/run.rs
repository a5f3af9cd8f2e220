//! One attempt from Take to the verified result.
use super::args::Args;
use super::attempt::{JobDir, Known, Stopped, Taken, current_model, write_json};
use super::child::{self, Running, Started};
use super::keeper::{Keeper, SharedState};
use super::quota::DiskWatch;
use super::{finish, modes, output, relay, take};
use crate::contract::cause::FailureCause;
use crate::contract::error::{Exit, Failure};
use crate::contract::job::Offer;
use crate::contract::job_file::Quota;
use crate::contract::text::Block;
use crate::contract::workload::Description;
use crate::platform::clock::now_us;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What readers of the child's descriptors get after its end.
const OUTPUT_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// What a workload gets to end well after SIGTERM when its time is over; then SIGKILL. Less than TimeoutStopSec= of the
/// unit.
const TERM_TIMEOUT: Duration = Duration::from_secs(20);

/// Milliseconds between the result's hand-in and the end of the unit.
const EXIT_DELAY_MS: u16 = 300;

/// Runs the attempt; returns the code to exit with.
pub fn run(args: &Args) -> Result<u8, Failure> {
    let signals = signals()?;
    let job = args.folder();
    let invocation_id = std::env::var("INVOCATION_ID").unwrap_or_default();
    let offer = take::take(args, &invocation_id)?;
    let attempt = offer.description.attempt;
    write_json(&job.taken(), 0o640, &Taken { invocation_id, token: offer.token, attempt })?;
    let dir = job.make_output(attempt, now_us())?;
    // From here on a failure can say why.
    let ended = prepare(args, &job, offer)
        .and_then(|(offer, description)| work(args, &job, &dir, offer, description, &signals));
    ended.inspect_err(|failure| output::keep_error(&job, attempt, &output::words(failure), &Block::default()))
}

fn signals() -> Result<SignalFd, Failure> {
    let mut set = SigSet::empty();
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD].into_iter().for_each(|s| set.add(s));
    let failed =
        |errno| Failure::new(Exit::Failure, "setting up signals").caused_by(nix::errno::Errno::from_raw(errno));
    set.thread_block().map_err(|e| failed(e as i32))?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC).map_err(|e| failed(e as i32))
}

/// Checks the offer, fills in the current model, writes the description.
fn prepare(args: &Args, job: &JobDir, offer: Offer) -> Result<(Offer, Description), Failure> {
    let mut description = offer.description.clone();
    if let Some(kind) = args.kind.filter(|kind| *kind != description.job_type) {
        let message = format!("job {} is of type {}, but this unit is for {kind}", args.job, description.job_type);
        return Err(Failure::new(Exit::BadData, message).hint("start it with its own unit"));
    }
    if offer.current_model
        && let Some(model) = current_model(&args.current, &description.config_key)?
    {
        description.inputs.model = Some(model);
    }
    write_json(&job.description(description.attempt), 0o440, &description)?;
    Ok((offer, description))
}

fn work(
    args: &Args,
    job: &JobDir,
    dir: &Path,
    offer: Offer,
    description: Description,
    signals: &SignalFd,
) -> Result<u8, Failure> {
    let attempt = description.attempt;
    let mut variables = vec![
        ("RINGRIFT_JOB_ID", description.job_id.to_string()),
        ("RINGRIFT_JOB_TYPE", description.job_type.to_string()),
        ("RINGRIFT_JOB_FILE", job.description(attempt).display().to_string()),
        ("RINGRIFT_OUTPUT_DIR", dir.display().to_string()),
        ("RINGRIFT_LEASE_TOKEN", offer.token.to_string()),
        ("RINGRIFT_JOB_SOCKET", args.socket.display().to_string()),
    ];
    variables.extend(job.previous(attempt).map(|previous| ("RINGRIFT_PREVIOUS_DIR", previous.display().to_string())));
    let Started { running, report, stderr } = child::start(&offer, dir, &variables)?;
    let (running, desk) = (Arc::new(running), Arc::new(SharedState::default()));
    let setup =
        |e: std::io::Error| Failure::new(Exit::TempFail, "starting the threads beside the workload").caused_by(e);
    let watched = watch(args, &offer, &running, &desk, report, stderr);
    let (tail, readers, disk) = match watched {
        Ok(watched) => watched,
        Err(error) => {
            running.signal(Signal::SIGKILL);
            return Err(setup(error));
        }
    };
    // Before anything else that could take time: what is left of this run may be only this file.
    let note = || {
        let stopped = Stopped { invocation_id: std::env::var("INVOCATION_ID").unwrap_or_default() };
        if let Err(error) = write_json(&job.stopped(), 0o640, &stopped) {
            tracing::warn!(error = output::words(&error), "cannot record that the job was stopped");
        }
    };
    let (ended, told) = wait(&running, signals, Instant::now() + Duration::from_secs(offer.timeout_seconds), &note)?;
    readers.iter().for_each(|reader| reader.wait(OUTPUT_DRAIN_TIMEOUT));
    let code = match disk.passed(ended).filter(|_| !desk.is_fenced()) {
        Some(over) => give_up(job, attempt, FailureCause::Quota, &over.to_string(), &tail.text()),
        None => conclude(
            job,
            &description,
            &End { ended, told, fenced: desk.is_fenced(), quota: offer.quota },
            &tail.text(),
        )?,
    };
    // Until here it says that the runner lives: to verify what was made takes what it takes.
    if code == Exit::Ok as u8 {
        modes::open_up(&job.0);
    }
    desk.close();
    if code == Exit::Ok as u8 {
        finish::hand_in(args, job);
        linger(signals);
    }
    Ok(code)
}

/// Waits a moment, or until asked to stop. The slot is free already, and the next stage's job is about to be started:
/// what systemd does about this unit's end, a process of ExecStopPost= among it, comes after that.
fn linger(signals: &SignalFd) {
    let mut fds = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    // Whatever wakes it, there is nothing left to do.
    let _ = poll(&mut fds, PollTimeout::from(EXIT_DELAY_MS));
}

type Watched = (relay::Tail, [relay::Done; 2], DiskWatch);

fn watch(
    args: &Args,
    offer: &Offer,
    running: &Arc<Running>,
    desk: &Arc<SharedState>,
    report: std::fs::File,
    stderr: std::process::ChildStderr,
) -> std::io::Result<Watched> {
    let theirs = Arc::clone(desk);
    let progress = relay::progress(report, move |progress| theirs.put(progress))?;
    let (tail, done) = relay::stderr(stderr)?;
    let term = Duration::from_secs(offer.term_seconds);
    let keeper = Keeper { socket: args.socket.clone(), job: args.job.clone(), token: offer.token, term };
    keeper.start(Arc::clone(desk), Arc::clone(running))?;
    let folders = [args.folder().0].into_iter().chain(args.also.iter().cloned()).collect();
    let disk = DiskWatch::start(folders, offer.quota, Arc::clone(running))?;
    Ok((tail, [progress, done], disk))
}

/// Waits for the child's end; hands a stop on to it, and stops it by itself when its time is over, so that this needs
/// neither coordinator nor master. Says what the child was asked to end for, if it was.
fn wait(
    running: &Running,
    signals: &SignalFd,
    deadline: Instant,
    note_stop: &dyn Fn(),
) -> Result<(ExitStatus, Option<&'static str>), Failure> {
    let failed = |e: std::io::Error| Failure::new(Exit::Failure, "waiting for the workload").caused_by(e);
    let (mut told, mut next) = (None, Some((deadline, Signal::SIGTERM)));
    loop {
        if let Some(status) = running.ended().map_err(failed)? {
            return Ok((status, told));
        }
        let left = next.map(|(at, _)| at.saturating_duration_since(Instant::now()));
        if let Some((_, signal)) = next.filter(|_| left.is_some_and(|left| left.is_zero())) {
            tracing::error!("timeout: {signal}");
            told = told.or(Some("timeout"));
            running.signal(signal);
            next = (signal == Signal::SIGTERM).then(|| (Instant::now() + TERM_TIMEOUT, Signal::SIGKILL));
            continue;
        }
        // A time too long for poll is looked at again.
        let timeout = left.map_or(PollTimeout::NONE, |left| PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        let mut fds = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
            Ok(_) => {}
            Err(errno) => return Err(failed(errno.into())),
        }
        let Ok(Some(signal)) = signals.read_signal() else { continue };
        if signal.ssi_signo != Signal::SIGCHLD as u32 {
            if told.is_none() {
                told = Some("stopped");
                note_stop();
            }
            // Who told it watches over its end.
            next = next.filter(|(_, signal)| *signal == Signal::SIGKILL);
            running.signal(Signal::SIGTERM);
        }
    }
}

/// Notes a cause that systemd does not know, for people and by its type. The code to exit with says as well that trying
/// again is of no use.
fn give_up(job: &JobDir, attempt: u32, cause: FailureCause, why: &str, tail: &Block) -> u8 {
    tracing::error!("{why}");
    let known = Known { invocation_id: std::env::var("INVOCATION_ID").unwrap_or_default(), cause };
    if let Err(error) = write_json(&job.cause(), 0o640, &known) {
        tracing::warn!(error = output::words(&error), "cannot record why the job was stopped");
    }
    output::keep_error(job, attempt, why, tail);
    Exit::BadData as u8
}

/// How the workload's process ended.
struct End {
    ended: ExitStatus,
    /// Why it was asked to stop, if it was.
    told: Option<&'static str>,
    /// The lease was lost.
    fenced: bool,
    quota: Option<Quota>,
}

/// The code to exit with, and the files that say why.
fn conclude(job: &JobDir, description: &Description, end: &End, tail: &Block) -> Result<u8, Failure> {
    let End { ended, told, fenced, quota } = *end;
    let attempt = description.attempt;
    if fenced {
        output::keep_error(job, attempt, "the lease was lost; the workload was killed", tail);
        return Ok(Exit::TempFail as u8);
    }
    if ended.success() {
        return match output::keep_result(job, description, quota) {
            Ok(()) => Ok(Exit::Ok as u8),
            Err(failure) => {
                tracing::error!("{}", output::words(&failure));
                let why = told.map(|why| format!("{why}; ")).unwrap_or_default();
                output::keep_error(job, attempt, &format!("{why}{}", output::words(&failure)), tail);
                // A workload that was asked to stop may end well without a result.
                Ok(if told.is_some() { Exit::TempFail } else { failure.exit } as u8)
            }
        };
    }
    let how = match (ended.code(), ended.signal().and_then(|n| Signal::try_from(n).ok())) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by {signal}"),
        (None, None) => format!("the workload ended: {ended}"),
    };
    tracing::error!("{how}");
    if let Some(why) = told {
        output::keep_error(job, attempt, &format!("{why}; {how}"), tail);
        return Ok(Exit::TempFail as u8);
    }
    output::keep_error(job, attempt, &how, tail);
    Ok(child::code(ended))
}
