//! The one table of codes: name, severity, journal message, meaning, what to do. Manual page, catalog and `explain`
//! follow from it.
use super::severity::Severity;
use crate::contract::registry::UnknownName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What the table says of a code.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The code.
    pub code: Code,
    /// As users read and write it: RR-DISK-FULL.
    pub name: &'static str,
    /// How bad it is, unless the case says otherwise.
    pub severity: Severity,
    /// MESSAGE_ID in the journal, 128 bits in hex.
    pub message_id: &'static str,
    /// One line.
    pub subject: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What an operator does about it.
    pub action: &'static str,
}

/// No code is called so.
pub type UnknownCode = UnknownName;

macro_rules! codes {
    ($($code:ident $name:literal $severity:ident $id:literal $subject:literal $meaning:literal $action:literal)*) => {
        /// A kind of problem; its name never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $subject] $code,)*
        }
        const TABLE: &[Entry] = &[$(Entry {
            code: Code::$code,
            name: $name,
            severity: Severity::$severity,
            message_id: $id,
            subject: $subject,
            meaning: $meaning,
            action: $action,
        },)*];
    };
}

impl Code {
    /// The whole table.
    pub fn all() -> &'static [Entry] {
        TABLE
    }
    /// Its line of the table.
    pub fn entry(self) -> &'static Entry {
        &TABLE[self as usize]
    }
    /// Reads RR-DISK-FULL, rr-disk-full or disk-full.
    pub fn parse(text: &str) -> Result<Code, UnknownCode> {
        let wanted = text.to_uppercase().replace('_', "-");
        let wanted = if wanted.starts_with("RR-") { wanted } else { format!("RR-{wanted}") };
        let found = TABLE.iter().find(|e| e.name == wanted).map(|e| e.code);
        found.ok_or_else(|| UnknownName::new("code", &wanted, TABLE.iter().map(|e| e.name)))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().name)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.entry().name)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        let name = String::deserialize(deserializer)?;
        Code::parse(&name).map_err(serde::de::Error::custom)
    }
}

codes! {
    MasterDown "RR-MASTER-DOWN" Broken "cacdb8e05cf44de9aabdfa6dad1ac82e"
        "The master loop does not run"
        "Nothing is reconciled and no job starts while ringrift-master.service does not run. Running jobs continue."
        "Start the suite with `systemctl start ringrift-master.target`. If it does not come up, `journalctl -u \
         ringrift-master -n 50` says why."
    MasterStuck "RR-MASTER-STUCK" Broken "de7de343810d412c8c5ea70b1ad00d44"
        "The master loop does not turn"
        "The master's process is there, and its last heartbeat is older than three of its intervals \
         (master.interval)."
        "`journalctl -u ringrift-master -n 50` shows what it did last; `systemctl restart ringrift-master` stops \
         no daemon."
    MasterDegraded "RR-MASTER-DEGRADED" Degraded "67fe51dc39d844a2b1cb8e2f2ebec653"
        "The master loop misses something that it needs"
        "The master runs and cannot do part of its work: it cannot write its database, take the coordinator's \
         orders or register subscriptions."
        "The reason is shown with the problem. It continues automatically when what it needs is there again."
    RouterDown "RR-ROUTER-DOWN" Broken "f884c5b5aaec4378bc8869b84abf0ceb"
        "The event router does not run"
        "Events are neither taken nor delivered. Publishers keep what they have to say and try again; nothing \
         acknowledged is lost."
        "`systemctl restart ringrift-event-router` starts it; `journalctl -u ringrift-event-router -n 50` says \
         why it went down."
    CoordinatorDown "RR-COORDINATOR-DOWN" Broken "c4ce73c906684be5b2e6ad917cfc2aac"
        "The coordinator does not run"
        "No job is granted, and jobs that run report to the spool until the coordinator is back."
        "`systemctl restart ringrift-coordinator` starts it; `journalctl -u ringrift-coordinator -n 50` says why \
         it went down."
    SocketFailed "RR-SOCKET-FAILED" Broken "4db092d89e04449096544f1c8104eb2e"
        "A socket of a hub is down"
        "Nobody can connect to the hub behind this socket. systemd takes a socket down when its service failed \
         too often in a row."
        "`systemctl restart UNIT` opens it again. The master does so by itself once a minute."
    WatchDown "RR-WATCH-DOWN" Degraded "eaa48a4b7ea44e52a20a384218cbf9d3"
        "The watch over the emergency flags is down"
        "ringrift-emergency.path starts the halt at the moment a flag file appears. Without it the coordinator \
         looks once a second."
        "`systemctl restart ringrift-emergency.path` starts it again."
    DaemonFailed "RR-DAEMON-FAILED" Broken "ce37da67f7a049b0be9f38ffbf936f1e"
        "A daemon has failed and is not restarted by systemd"
        "A daemon used up its restarts, or cannot be started at all. The master tries it again by the schedule in \
         master.retry_failed."
        "`ringrift daemon logs NAME` says why; `ringrift daemon start NAME` starts it when the reason is gone."
    DaemonCrashing "RR-DAEMON-CRASHING" Broken "62fe3723d3c04ce8af7be17b68f83d5e"
        "A daemon fails again and again"
        "A process was restarted at least three times within ten minutes; it may run at this moment. After five \
         restarts in a row systemd gives a daemon up."
        "`ringrift daemon logs NAME` says why."
    DaemonBackoff "RR-DAEMON-BACKOFF" Degraded "c3e8e55285b146eab11b13f5f714cf88"
        "A daemon has failed and is about to be restarted"
        "A daemon's process ended with a failure. It is started again with growing delays: 1, 2, 4, 8 and 16 s."
        "`ringrift daemon logs NAME` says why. If it happens again it becomes RR-DAEMON-CRASHING."
    DaemonStarting "RR-DAEMON-STARTING" Notice "393998d2d97843b3987e156ce78b36fb"
        "A daemon is starting"
        "A daemon has been started and is not ready yet, or waits for what it needs. It may take 30 s."
        "Nothing to do: it is ready in a moment, or becomes RR-DAEMON-STUCK-STARTING."
    DaemonStuckStarting "RR-DAEMON-STUCK-STARTING" Broken "5a3e2bb4e3f84bc6b961a82e52341f91"
        "A daemon does not become ready"
        "A daemon was started more than 30 s ago and is not ready, or waits for something that does not come."
        "`ringrift daemon logs NAME` shows how far it came; `systemctl list-jobs` shows what it waits for."
    DaemonDown "RR-DAEMON-DOWN" Broken "f7ea7096b9df44c0ae48fd2fdfe36d45"
        "A daemon does not run although the profile has it"
        "A daemon of the applied profile is not running, and nobody is known to have stopped it."
        "`ringrift daemon start NAME` starts it."
    DaemonSilent "RR-DAEMON-SILENT" Degraded "ed0b4a9c74754baaaa74b2797476c114"
        "A daemon no longer reports"
        "A daemon's process is there, and its last report is older than it may be, or there was none within 30 s \
         of its start: it hangs or cannot write its report."
        "`ringrift daemon logs NAME` shows what it did last; `ringrift daemon restart NAME` starts over."
    DaemonDegraded "RR-DAEMON-DEGRADED" Degraded "879f962fac8641f7812f8409755b56b5"
        "A daemon cannot do a part of its work"
        "A daemon reports that it runs and what it misses; if it says that it does not work at all, this is broken."
        "The daemon's own words are shown with the problem; `ringrift daemon logs NAME` has more."
    DaemonHeld "RR-DAEMON-HELD" Degraded "8cc65c366ebe4b07b0060be5376a0d3f"
        "A daemon is stopped or paused by a person"
        "Somebody stopped or paused a daemon that the applied profile has. It is broken where the loop cannot go \
         on without this daemon."
        "`ringrift daemon start NAME` or `ringrift daemon resume NAME` lets it go on."
    UnitMasked "RR-UNIT-MASKED" Broken "80016bea0e114b33b5350a346060a4e9"
        "A unit is masked and cannot start"
        "Somebody masked a unit of the suite, a service, a socket or the watch over the emergency flags, so systemd \
         refuses to start it."
        "`systemctl unmask UNIT` allows it again."
    UnitMissing "RR-UNIT-MISSING" Broken "10ac54ccaca34f4a90b2db4d25f36eea"
        "A unit file is missing or cannot be used"
        "systemd does not find a unit file of the suite, or cannot read it."
        "Install the package again; `systemctl status UNIT` shows what systemd says of the file."
    DataUnusable "RR-DATA-UNUSABLE" Broken "29c356a60d6845e4a15af349c6aec464"
        "A process cannot use its data"
        "The data of a process is of a newer version of ringrift, or its files belong to another user."
        "Its log names the file: install the newer version again, or give the files back to the user ringrift."
    ConfigInvalid "RR-CONFIG-INVALID" Broken "bd1238891a0b439c8c247e5ccdc94eee"
        "The configuration on disk is invalid"
        "The files have errors, or the users ringrift and ringrift-master cannot read one of them. What runs keeps \
         the configuration that it read before; nothing restarts with the files as they are, after a reboot for \
         example."
        "`ringrift config check` names file, line and key of each error; then `ringrift config reload`."
    ConfigRefused "RR-CONFIG-REFUSED" Broken "ba3e0cd446d046dfb19bdb18716f56a2"
        "A process refused its configuration"
        "A process found an error in the configuration. At a start it ends with exit code 78 and is not \
         restarted."
        "`ringrift config check` names file, line and key. When it is fixed: `systemctl restart \
         ringrift-master.target`."
    ConfigNotLoaded "RR-CONFIG-NOT-LOADED" Notice "258752a92ed64b249e6f41c5541e3ef9"
        "The configuration on disk is newer than what runs"
        "The files are valid and were changed after processes read them, or hold values that are taken over at \
         the next start only."
        "`ringrift config reload` takes it over and names what needs a restart."
    DiskLow "RR-DISK-LOW" Degraded "1caee89ece27464d91fa1e979881a21d"
        "The file system of the state is nearly full"
        "The use of the file system of /var/lib/ringrift has reached safeguards.disk.critical. No new job starts \
         until it is safeguards.hysteresis below that, so that the databases still have room."
        "`ringrift artefacts prune --dry-run` shows what can be deleted; `du -xh --max-depth=2 /var/lib/ringrift | sort -h | \
         tail` shows what takes the room."
    DiskForecast "RR-DISK-FORECAST" Degraded "6f5b1c0c3bb84e0ea6e0e4f7a1d2b95e"
        "The file system of the state fills up within a day"
        "At the growth of the last hour nothing is left of the file system of /var/lib/ringrift in less than 24 \
         hours."
        "`du -xh --max-depth=2 /var/lib/ringrift | sort -h | tail` shows what takes the room; `ringrift artefacts \
         prune --dry-run` shows what the retention rules let go."
    DiskFull "RR-DISK-FULL" Broken "ba63654694514eac9cf0772390094655"
        "The file system of the state is full"
        "Nothing can be stored. New events are refused and their publishers keep them; nothing acknowledged is \
         lost."
        "Make room in the file system of /var/lib/ringrift: `du -xh --max-depth=2 /var/lib/ringrift | sort -h | \
         tail`. The suite continues automatically."
    Inodes "RR-INODES" Degraded "0b023a38e5d34adda2e899eb67dd6e64"
        "The file system of the state is short of inodes"
        "The inodes in use have reached safeguards.inodes.critical: many small files fill a file system that has \
         room. When none is left nothing can be stored, and this is broken."
        "`du --inodes -x --max-depth=2 /var/lib/ringrift | sort -n | tail` shows where the files are."
    Gate "RR-GATE-UNKNOWN" Broken "91b487d2ec104d9d9edb07cf7f30eadc"
        "A safeguard cannot be judged, so no job starts"
        "A safeguard that bars all jobs has nothing to judge by. Unknown counts as no."
        "`ringrift safeguards` shows the safeguard and the reason."
    Halt "RR-HALT" Broken "005bf3581abb46a7b45d7e2986216c24"
        "The emergency halt is on"
        "No job runs and none is granted, over restarts and reboots, until a person ends the halt."
        "`ringrift emergency clear` ends it."
    QueuePaused "RR-QUEUE-PAUSED" Degraded "ec35b7e4d60246b5b9d4f407d20becea"
        "The queue is paused"
        "Somebody paused the queue: running jobs continue, nothing new is granted."
        "`ringrift jobs queue resume` lets it go on."
    BreakerOpen "RR-BREAKER-OPEN" Broken "d9a46d18105648768d77803891a21613"
        "A circuit breaker is open"
        "Tasks of a type failed in a row on a node, so none is started there for a while; then a few are tried."
        "`ringrift safeguards` shows when it is tried again; `ringrift safeguards reset --type TYPE` closes it \
         when the reason is gone."
    JobOom "RR-JOB-OOM" Broken "9374aa1c1d044a99a6aef56da1847049"
        "A job ran out of memory"
        "The kernel killed a job at its memory limit. Jobs of its type are paused for a while, because the next \
         one would fail likewise."
        "Raise limits.job_memory_max, or the unit's MemoryMax=, or give the job less to do; `ringrift jobs logs \
         ID` shows its output."
    JobFailing "RR-JOB-FAILING" Broken "2c8239ca10474aafabf8ff46353d96bf"
        "Jobs of a type fail"
        "At least two attempts of a type failed in a row."
        "`ringrift jobs logs ID` shows the output of the last one; `ringrift jobs show ID` shows its command."
    LoopStalled "RR-LOOP-STALLED" Broken "f707b6fd61a946748b1ad83c1fe0d1ad"
        "A configuration stands still"
        "No job of a configuration has started for ten minutes, though something waits."
        "`ringrift jobs queue` shows every reason."
    NoPromotion "RR-NO-PROMOTION" Notice "a1fb5015889a4db88a424aa7f59db8ac"
        "Candidates are refused again and again"
        "Ten or more candidates in a row did not beat the champion."
        "`ringrift models list` and `ringrift pipeline show` show scores and verdicts; more games or another \
         learning rate may help."
    RulesChanged "RR-RULES-CHANGED" Notice "8c84ca85d3e5471abec302a7b99772df"
        "A configuration started over under new rules"
        "The rules of the game are of another version, so models and games of the former one are kept and not \
         used."
        "Nothing to do: it is shown until there is a champion under the new rules."
    LaneStands "RR-LANE-STANDS" Degraded "9e4872d613e34e0285ccba2628db57b4"
        "Events wait behind one that is not done"
        "A subscriber has not got done with an event for more than a minute; later events of the same \
         configuration wait behind it."
        "`ringrift events subscribers` shows whose, the log of that daemon says why."
    SubscriberLag "RR-SUBSCRIBER-LAG" Degraded "d20c22666f8b4bddbd386e6ebcd67e7a"
        "A subscriber is away or far behind"
        "A subscriber has been away for long, or has many events to handle; the log keeps them for it."
        "`ringrift events subscribers` shows whose. One that will not return is forgotten by `ringrift events \
         retire NAME`."
    EventLog "RR-EVENT-LOG" Degraded "da79d8596eb44f20afef32d83ee20f7f"
        "The event log needs attention"
        "The event log is larger than it should be, or the file of its socket was deleted."
        "The reason is shown with the problem; `ringrift events stats` shows the figures."
    DeadLetters "RR-DEAD-LETTERS" Degraded "ebe4fe677f0d4f90a0343524420010b4"
        "Events were given up by their subscribers"
        "A handler failed on an event as often as it may. The event is kept as a dead letter and later events go \
         on."
        "`ringrift events dlq list` shows event and reason. DLQ_RETRY offers them again; `ringrift events dlq \
         redrive --all` does so at once, `ringrift events dlq purge --all` deletes them."
    Outbox "RR-OUTBOX" Degraded "dff51304aaec44249854b1bdae376d59"
        "Events of the coordinator are not taken"
        "The event router does not take events of the coordinator, or has refused some for good."
        "`journalctl -u ringrift-coordinator -p warning -n 50` says why."
    DatabaseLost "RR-DATABASE-LOST" Degraded "694634f3487740aa912851a3c27fe0ac"
        "A database was lost and replaced"
        "A database was damaged or gone. A snapshot or a new one took its place; what is missing is said until a \
         person has read it."
        "`ringrift database list` shows what is lost; `ringrift database confirm NAME` says that you have read \
         it."
    ArtefactLost "RR-ARTEFACT-LOST" Degraded "941515ab62e042d6b240b94a8af81ab8"
        "A file of the artefact store was lost"
        "A file of the store was damaged or is missing and is not used any more."
        "`ringrift database list` shows what it was; `ringrift database confirm NAME` says that you have read it."
    ClockHold "RR-CLOCK-HOLD" Degraded "71990a10734d462588593289e2124572"
        "Nothing is deleted by its age: the clock is in doubt"
        "The wall clock moved in a way that cannot be believed. Until a person confirms the time nothing is \
         deleted by its age."
        "`date` shows the time. If it is right: `ringrift config confirm-clock`."
    Clock "RR-CLOCK" Degraded "df9a36b952bb407e9891ec6bb5e84ff7"
        "The wall clock jumped"
        "The wall clock was set by more than two seconds while the suite ran. Terms are measured by another clock \
         and are not affected."
        "`timedatectl` shows whether the clock is synchronised; `timedatectl set-ntp true` keeps it so."
    GpuLost "RR-GPU-LOST" Degraded "16b95773134a446eb7500d94f3cd0952"
        "A GPU is there and cannot be used"
        "The machine has an NVIDIA GPU, and its driver does not answer."
        "`nvidia-smi` shows what the driver says; a reboot often helps after a driver's update."
    Bus "RR-BUS" Broken "5c8380010b90481a835b69b55fdb0f2b"
        "systemd cannot be asked"
        "The system bus does not answer, so nobody knows which units run. Unknown is never shown as well."
        "`systemctl status dbus` shows whether the bus runs; `apt-get install dbus` installs it."
    Unknown "RR-UNKNOWN" Degraded "c5675931fa794710846c9fee477a9c0d"
        "Something could not be looked at"
        "A source of what is shown here is missing or cannot be read. What it would say is unknown, not well."
        "The source is named with the problem, and since when it is missing."
}
