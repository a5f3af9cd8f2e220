//! One template a job type. Installed templates, so that an operator can edit them and polkit can name them.
use super::harden::{self, Exceptions};
use super::names::{ENVIRONMENT, MANUAL, SUITE};
use super::text::Text;
use crate::contract::config::Limits;
use crate::contract::error::Exit;
use crate::contract::job::LONGEST_TIMEOUT;
use crate::contract::paths;
use crate::contract::workload::JobType;

/// The files.
pub fn files() -> Vec<(String, String)> {
    JobType::ALL.into_iter().map(|kind| (format!("ringrift-job-{kind}@.service"), template(kind))).collect()
}

fn template(kind: JobType) -> String {
    let runner = format!("{}/ringrift-job-runner", paths::LIBEXEC);
    let before = ["ringrift-job.socket", "ringrift-coordinator.service"];
    Text::new()
        .section("Unit")
        .set("Description", format!("RingRift {kind} job %i"))
        .set("Documentation", "man:ringrift-workload(7)")
        .set("Documentation", MANUAL)
        .why("Stops with the suite, and is not restarted with it: the queue decides whether there is another attempt.")
        .set("StopPropagatedFrom", SUITE)
        .why("Nothing is required, so that a job outlives a restart of the coordinator; ordered, so that its result is taken at a stop.")
        .set("Wants", before[0])
        .set("After", before.join(" "))
        .why("A failed job is the coordinator's to remember, not systemd's.")
        .set("CollectMode", "inactive-or-failed")
        .section("Service")
        .set("Type", "exec")
        .why("The two folders are the job's own by PrivateTmp=; limits.job_bytes counts what lies there too.")
        .set("ExecStart", format!("{runner} --type {kind} --also /tmp --also /var/tmp %i"))
        .why("Reports how the attempt ended, whatever ended it.")
        .set("ExecStopPost", format!("{runner} --finish %i"))
        .set("Restart", "no")
        .why("Told to stop, or fenced off: no failure of the machine's. The queue tries again.")
        .set("SuccessExitStatus", Exit::TempFail as u8)
        .why("No job may take longer than a week. Its runner ends it at its own time; this is for a runner that hangs. systemd lets")
        .why("nobody change it for one instance, and forgets at each daemon-reload by how much a service has extended it.")
        .set("RuntimeMaxSec", LONGEST_TIMEOUT + 3600)
        .why("SIGTERM goes to the runner, which hands it on and waits; what is left then is killed.")
        .set("KillMode", "mixed")
        .set("TimeoutStopSec", 30)
        .why("A user of its own for each instance, by the name: jobs can neither signal nor read each other, and the coordinator knows by")
        .why("the kernel's word who speaks.")
        .set("DynamicUser", "yes")
        .set("User", format!("{}%i", paths::JOB_USER_PREFIX))
        .why("DATA_PIPELINE reads the output: user ringrift is in this group. A retry, as another user, goes on from what is there.")
        .set("Group", "ringrift-job")
        .set("UMask", "0007")
        .set("EnvironmentFile", ENVIRONMENT)
        .why("The coordinator makes the job's folder before it has the unit started; a job sees no other. Of /dev/shm it has its own.")
        .why("Of /run it has the suite's sockets alone: neither the message bus nor the sockets of systemd and of the journal, which a job")
        .why("could flood; what it writes to its stdout and stderr reaches the journal over inherited descriptors.")
        .set("TemporaryFileSystem", format!("{}:ro /dev/shm:mode=1777,size=8G /run:ro", paths::JOBS))
        .set("BindReadOnlyPaths", paths::RUN)
        .why("Message queues that all services share would be filled by one job and read by the next.")
        .set("PrivateIPC", "yes")
        .with(|t| match kind {
            JobType::Sync => t
                .why("It asks for addresses of hosts, and its programs for the name of their user.")
                .set("BindReadOnlyPaths", "-/run/systemd/resolve -/run/resolvconf -/run/NetworkManager -/run/systemd/userdb"),
            _ => t,
        })
        .why(
            "Without it, the end of a job whose folder was deleted meanwhile could not be reported. Where the coordinator is away, that is",
        )
        .why("left in the folder.")
        .set("BindPaths", format!("-{}/%i", paths::JOBS))
        .why("Foreign programs want a home that they can write.")
        .set("Environment", format!("HOME={}/%i", paths::JOBS))
        .set("SyslogIdentifier", format!("ringrift-job-{kind}"))
        .set("Slice", kind.slice())
        .why("The default of limits.job_memory_max; the master sets the configured value at the start.")
        .set("MemoryMax", format!("{}M", Limits::default().job_memory_max >> 20))
        .why("Likewise with limits.job_tasks_max: a job that forks without end must not take the machine's process ids.")
        .set("TasksMax", Limits::default().job_tasks_max)
        .why("All of the job or nothing; and a job before any daemon.")
        .set("OOMPolicy", "kill")
        .set("OOMScoreAdjust", 500)
        .with(|t| harden::lines(t, exceptions(kind)))
        .done()
}

fn exceptions(kind: JobType) -> Exceptions {
    let mut except =
        Exceptions { foreign: Some("The command is the operator's choice: ours, a PyTorch trainer, KataGo."), ..Default::default() };
    match kind {
        JobType::Sync => except.tcp = Some("It moves files between machines."),
        _ => except.loopback = Some("Workers of one job may speak TCP with each other; the world is out of reach."),
    }
    if !matches!(kind, JobType::Export | JobType::Sync) {
        except.gpu = Some("Play and training use the GPUs, where there are any.");
    }
    except
}
