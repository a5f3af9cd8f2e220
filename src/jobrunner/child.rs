//! The workload's process: its environment, its process group, and how it ended.
use crate::contract::cpus::CpuList;
use crate::contract::error::{Exit, Failure};
use crate::contract::job::Offer;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sched::CpuSet;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, pipe};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

/// Variables of the runner's own unit that its child must not act on.
const OURS_ALONE: [&str; 8] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "JOURNAL_STREAM",
    "MAINPID",
];

/// The running child, the read end of its report descriptor, and its stderr.
pub struct Started {
    /// The process.
    pub running: Running,
    /// Progress lines come from here.
    pub report: File,
    /// Its stderr.
    pub stderr: std::process::ChildStderr,
}

/// Starts the command in its own session and so its own process group, in the unit's cgroup, yielding the processor as
/// the offer says, with no signal blocked: the runner blocks those that it reads from a descriptor, and a child would
/// inherit that.
pub fn start(offer: &Offer, output: &Path, variables: &[(&str, String)]) -> Result<Started, Failure> {
    let [program, arguments @ ..] = &*offer.command else {
        return Err(Failure::new(Exit::Config, "no command for jobs of this type").hint("set workload.<type>.command"));
    };
    let failed = |what: &str| Failure::new(Exit::TempFail, what.to_owned());
    let (read, write) = pipe().map_err(|e| failed("making the report pipe").caused_by(e))?;
    // Only our end is closed on exec; theirs is inherited under its number. Nothing else is started while both are
    // open.
    fcntl(&read, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))
        .map_err(|e| failed("setting up the report pipe").caused_by(e))?;
    let mut child = Command::new(program);
    child.args(arguments).current_dir(output).stdin(Stdio::null()).stderr(Stdio::piped());
    OURS_ALONE.iter().for_each(|name| {
        child.env_remove(name);
    });
    child.env("RINGRIFT_REPORT_FD", write.as_raw_fd().to_string());
    if let Some(gpus) = &offer.gpus {
        // The numbers are NVML's, which counts by the bus; CUDA would count by speed.
        let list: Vec<String> = gpus.iter().map(u32::to_string).collect();
        child.env("CUDA_DEVICE_ORDER", "PCI_BUS_ID").env("CUDA_VISIBLE_DEVICES", list.join(","));
    }
    child.env_remove("RINGRIFT_PREVIOUS_DIR").envs(variables.iter().map(|(name, value)| (name, value)));
    let (own, shared, idle) = (libc::c_int::from(offer.nice), offer.nice.to_string(), offer.idle);
    let affinity = offer.cpus.as_ref().map(affinity).transpose()?;
    let largest = offer.quota.map(|quota| quota.bytes);
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; all are bare system calls, and nothing is
    // allocated.
    unsafe {
        child.pre_exec(move || {
            // A session of its own is a process group of its own, and what the kernel's autogrouping weighs: without
            // the CPU controller a process's own nice value counts only inside its session.
            nix::unistd::setsid()?;
            // Its result may be -1 by right, and yielding more is never refused. A kernel without autogroups has no
            // such file.
            libc::nice(own);
            let autogroup = libc::open(c"/proc/self/autogroup".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if autogroup >= 0 {
                libc::write(autogroup, shared.as_ptr().cast(), shared.len());
                libc::close(autogroup);
            }
            if let Some(cpus) = &affinity {
                // Processors that the machine does not have make it fail, and the job says so.
                nix::sched::sched_setaffinity(Pid::from_raw(0), cpus)?;
            }
            if idle {
                // Refused nowhere; if it were, the nice value is what it has.
                libc::sched_setscheduler(0, libc::SCHED_IDLE, &libc::sched_param { sched_priority: 0 });
            }
            if let Some(bytes) = largest {
                let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE)?;
                setrlimit(Resource::RLIMIT_FSIZE, bytes.min(hard), bytes.min(hard))?;
            }
            SigSet::empty().thread_set_mask().map_err(std::io::Error::from)
        });
    }
    let mut child = child.spawn().map_err(|e| {
        let what = match &offer.cpus {
            Some(cpus) if e.raw_os_error() == Some(libc::EINVAL) => {
                format!("starting {program} on the processors {cpus} of limits.cpus")
            }
            _ => format!("starting {program}"),
        };
        let hint = "check workload.<type>.command: the program must be installed and executable";
        Failure::new(Exit::Config, what).caused_by(e).hint(hint)
    })?;
    drop(write);
    let stderr = child.stderr.take().ok_or_else(|| failed("the child has no stderr"))?;
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    Ok(Started { running: Running { state: Mutex::new((child, None)), group }, report: File::from(read), stderr })
}

fn affinity(cpus: &CpuList) -> Result<CpuSet, Failure> {
    let mut set = CpuSet::new();
    for cpu in cpus.cpus() {
        let failed = |e| Failure::new(Exit::Config, format!("processor {cpu} of limits.cpus")).caused_by(e);
        set.set(*cpu).map_err(failed)?;
    }
    Ok(set)
}

/// A child and, once it is reaped, how it ended: until then its number is its own and may be signalled.
pub struct Running {
    state: Mutex<(Child, Option<ExitStatus>)>,
    group: Pid,
}

impl Running {
    /// Sends a signal to the child's group, unless it has ended.
    pub fn signal(&self, signal: Signal) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1.is_none()
            && let Err(error) = killpg(self.group, signal)
            && error != Errno::ESRCH
        {
            tracing::warn!(%error, ?signal, "cannot signal the workload");
        }
    }

    /// How it ended, if it has. What it left running in its group is killed before it is reaped, so that no file
    /// changes any more.
    pub fn ended(&self) -> std::io::Result<Option<ExitStatus>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1.is_some() {
            return Ok(state.1);
        }
        match waitid(Id::Pid(self.group), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => return Ok(None),
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
        // It is a zombie, so the group's number is still taken.
        let _ = killpg(self.group, Signal::SIGKILL);
        let status = state.0.wait()?;
        state.1 = Some(status);
        Ok(Some(status))
    }
}

/// The exit code to hand on: the child's, or 128 and the signal's number.
pub fn code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(Exit::Failure as u8)
}
