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
        .why("Stops with the suite but is not restarted with it: the queue decides whether there is another attempt.")
        .set("StopPropagatedFrom", SUITE)
        .why(
            "No Requires=, so that a job survives a restart of the coordinator; After=, so that its result is still \
            accepted when the suite stops.",
        )
        .set("Wants", before[0])
        .set("After", before.join(" "))
        .why("The coordinator records failed jobs; systemd need not.")
        .set("CollectMode", "inactive-or-failed")
        .section("Service")
        .set("Type", "exec")
        .why("Both directories are private by PrivateTmp=; limits.job_bytes includes the files in them.")
        .set("ExecStart", format!("{runner} --type {kind} --also /tmp --also /var/tmp %i"))
        .why("Reports how the attempt ended, whatever the cause.")
        .set("ExecStopPost", format!("{runner} --finish %i"))
        .set("Restart", "no")
        .why("Stopped or fenced off: no failure of the machine. The queue retries the job.")
        .set("SuccessExitStatus", Exit::TempFail as u8)
        .why(
            "No job may take longer than a week. The runner stops a job at its own timeout; this one is for a runner \
            that hangs. systemd cannot",
        )
        .why("change it for one instance, and forgets at each daemon-reload by how much a service has extended it.")
        .set("RuntimeMaxSec", LONGEST_TIMEOUT + 3600)
        .why("SIGTERM goes to the runner, which forwards it and waits; remaining processes are killed.")
        .set("KillMode", "mixed")
        .set("TimeoutStopSec", 30)
        .why(
            "A separate user for each instance: jobs can neither signal nor read each other, and the coordinator \
            knows from",
        )
        .why("the kernel which job is calling.")
        .set("DynamicUser", "yes")
        .set("User", format!("{}%i", paths::JOB_USER_PREFIX))
        .why(
            "User ringrift is in this group, so that DATA_PIPELINE can read the output. A retry runs as another user \
            and resumes from it.",
        )
        .set("Group", "ringrift-job")
        .set("UMask", "0007")
        .set("EnvironmentFile", ENVIRONMENT)
        .why(
            "The coordinator creates the job's directory before the unit starts; a job sees no other. Its /dev/shm \
            is private.",
        )
        .why(
            "Below /run only the suite's sockets are visible, not the message bus or the sockets of systemd and of \
            the journal, which a job",
        )
        .why("could flood. Its stdout and stderr reach the journal over inherited descriptors.")
        .set("TemporaryFileSystem", format!("{}:ro /dev/shm:mode=1777,size=8G /run:ro", paths::JOBS))
        .set("BindReadOnlyPaths", paths::RUN)
        .why("A job could fill shared message queues, and the next job could read them.")
        .set("PrivateIPC", "yes")
        .with(|t| match kind {
            JobType::Sync => t.why("Resolves host names and user names.").set(
                "BindReadOnlyPaths",
                "-/run/systemd/resolve -/run/resolvconf -/run/NetworkManager \
                    -/run/systemd/userdb",
            ),
            _ => t,
        })
        .why(
            "Without the dash, the end of a job whose directory was deleted could not be reported. While the \
                coordinator is down, it is",
        )
        .why("left in the directory.")
        .set("BindPaths", format!("-{}/%i", paths::JOBS))
        .why("Third-party programs need a writable home directory.")
        .set("Environment", format!("HOME={}/%i", paths::JOBS))
        .set("SyslogIdentifier", format!("ringrift-job-{kind}"))
        .set("Slice", kind.slice())
        .why("The default of limits.job_memory_max; the master sets the configured value when it starts the unit.")
        .set("MemoryMax", format!("{}M", Limits::default().job_memory_max >> 20))
        .why(
            "The default of limits.job_tasks_max: a job that forks without end must not use up the machine's process \
            ids.",
        )
        .set("TasksMax", Limits::default().job_tasks_max)
        .why("Out of memory kills the whole job, and a job before any daemon.")
        .set("OOMPolicy", "kill")
        .set("OOMScoreAdjust", 500)
        .with(|t| harden::lines(t, exceptions(kind)))
        .done()
}

fn exceptions(kind: JobType) -> Exceptions {
    let mut except = Exceptions {
        foreign: Some("The operator chooses the command: the built-in workload, a PyTorch trainer, KataGo."),
        ..Default::default()
    };
    match kind {
        JobType::Sync => except.tcp = Some("It moves files between machines."),
        _ => except.loopback = Some("Workers of one job may use TCP with each other; there is no other network."),
    }
    if !matches!(kind, JobType::Export | JobType::Sync) {
        except.gpu = Some("Self-play and training use GPUs if the machine has any.");
    }
    except
}
