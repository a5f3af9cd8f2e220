//! Where things live. Each path stands here once; units and packaging are generated or checked against it.

/// Sockets, control files, status files.
pub const RUN: &str = "/run/ringrift";
/// The event router's socket (Varlink `org.ringrift.Router`).
pub const ROUTER_SOCKET: &str = "/run/ringrift/router.sock";
/// The coordinator's socket (Varlink `org.ringrift.Coordinator`).
pub const COORDINATOR_SOCKET: &str = "/run/ringrift/coordinator.sock";
/// The jobs' socket (Varlink `org.ringrift.Job`).
pub const JOB_SOCKET: &str = "/run/ringrift/job.sock";
/// The catalog's socket (Varlink `org.ringrift.Catalog`).
pub const CATALOG_SOCKET: &str = "/run/ringrift/catalog.sock";
/// One file a daemon, written by the master: paused or not, why, who, when.
pub const CONTROL: &str = "/run/ringrift/control";
/// Permanent failures that were reported while the event router was away, one JSON file each.
pub const FAILURES: &str = "/var/lib/ringrift/spool/failures";
/// What was lost or is held back, until a person has confirmed it: one JSON file each.
pub const NOTICES: &str = "/var/lib/ringrift/notices";
/// In memory: touched by whoever meets a full file system, watched by DISK_SPACE_MANAGER.
pub const SPACE: &str = "/run/ringrift/space";
/// The legacy pid file of the master loop; the flock on it is what counts.
pub const MASTER_PID: &str = "/run/ringrift/master_loop.pid";
/// The emergency halt flag.
pub const EMERGENCY_HALT: &str = "/run/ringrift/EMERGENCY_HALT";
/// The same flag where legacy scripts make it.
pub const LEGACY_HALT: &str = "/tmp/ringrift_coordination/EMERGENCY_HALT";
/// All state.
pub const STATE: &str = "/var/lib/ringrift";
/// Artefacts by kind and SHA-256: `games/<sha>.db`, `samples/<sha>.npz`, `models/<sha>.safetensors`, …; jobs see it
/// read-only.
pub const ARTEFACTS: &str = "/var/lib/ringrift/artefacts";
/// Per job: `<id>/attempt-N`. The coordinator makes `<id>`, the job's users what lies below, all of it in group
/// ringrift-job.
pub const JOBS: &str = "/var/lib/ringrift/jobs";
/// The name of a job's user, before the job's id. systemd makes and forgets it with the unit.
pub const JOB_USER_PREFIX: &str = "rrj-";
/// Per configuration key a link `<config_key>` to the model that self-play uses.
pub const CURRENT_MODELS: &str = "/var/lib/ringrift/current";
/// The administrator's configuration.
pub const ETC: &str = "/etc/ringrift";
/// Shipped defaults and interface files.
pub const SHARE: &str = "/usr/share/ringrift";
/// Programs that are not for the PATH.
pub const LIBEXEC: &str = "/usr/lib/ringrift";
/// The file users know.
pub const CONFIG_FILE: &str = "unified_loop.yaml";

/// In a service's runtime directory: how often it was restarted after a crash, where systemd does not count the delays
/// (before 254).
pub const RESTARTS_FILE: &str = "restarts";
