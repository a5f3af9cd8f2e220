//! The daemon under test: counts events and ticks, says each count once, and fails when an event asks it to.
use ringrift::contract::config::Config;
use ringrift::contract::coordinator::NewWork;
use ringrift::contract::daemon::{Daemon, HandlerError, Input, Out, Unreadable, build};
use ringrift::contract::events::{Payload, TrainingThresholdReached};
use ringrift::contract::health::Health;
use ringrift::contract::ids::{ConfigKey, Digest};
use ringrift::contract::ports::{Asked, Asks, Missing, Queue, StoreError, World};
use ringrift::contract::registry::DaemonType;
use ringrift::contract::wire::Reply;
use ringrift::contract::workload::JobType;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Its interface, for calls.
pub const INTERFACE: &str = "org.ringrift.Catalog";

/// A threshold that the toy's reload fails with.
pub const UNWELCOME: u64 = 13;

/// The toy. Without `keeps` it saves nothing, as most daemons do.
pub struct Toy {
    seen: u64,
    ticks: u64,
    threshold: u64,
    keeps: bool,
    panicked: bool,
}

/// It asks the queue.
pub struct Ports<'a> {
    queue: &'a dyn Queue,
}

impl<'a> Asked<'a> for Ports<'a> {
    fn of(world: &'a dyn World) -> Result<Self, Missing> {
        Ok(Ports { queue: world.queue()? })
    }
}

impl Asks for Toy {
    type Ports<'a> = Ports<'a>;
}

impl Daemon for Toy {
    fn new(config: &Config) -> Self {
        let keeps = std::env::var("TOY_KEEPS").is_ok();
        Toy {
            seen: 0,
            ticks: 0,
            threshold: config.daemons.of(DaemonType::TrainingTrigger).read("threshold_games").expect("a setting"),
            keeps,
            panicked: false,
        }
    }

    fn save(&self) -> Option<Value> {
        self.keeps.then(|| json!({ "seen": self.seen, "ticks": self.ticks }))
    }

    fn restore(&mut self, state: Value) -> Result<(), Unreadable> {
        let read = |name: &str| state[name].as_u64().ok_or_else(|| Unreadable::new(format!("{name} is missing")));
        (self.seen, self.ticks) = (read("seen")?, read("ticks")?);
        Ok(())
    }

    fn configure(&mut self, config: &Config) {
        self.threshold = config.daemons.of(DaemonType::TrainingTrigger).read("threshold_games").expect("a setting");
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Event { payload: Payload::NpzExportComplete(export), .. } => {
                self.seen += 1;
                match export.output_path.as_str() {
                    path @ ("fail" | "fail degraded") => {
                        out.snapshot = Some(json!({ "seen": self.seen }));
                        out.health(if path == "fail" {
                            Health::healthy("well")
                        } else {
                            Health::degraded("it does not feel well")
                        });
                        out.last(format!("event {}", self.seen));
                        return Err(HandlerError::Failed("it was told to fail".into()));
                    }
                    "reject" => return Err(HandlerError::Rejected("it was told to reject".into())),
                    "broken" => {
                        let (operation, why) =
                            ("recording an artefact".into(), "database disk image is malformed".into());
                        Err(StoreError::Broken { operation, why })?;
                    }
                    "panic" if !self.panicked => {
                        self.panicked = true;
                        panic!("it was told to panic");
                    }
                    "ask" => {
                        ports.queue.can_spawn(JobType::Training)?;
                    }
                    _ => {}
                }
                out.publish(say(self.seen, self.threshold, export.samples_id));
                let mut work = NewWork::new(JobType::Training, export.config_key);
                work.params.insert("seen".into(), json!(self.seen));
                out.enqueue(work);
                out.last(format!("event {}", self.seen));
            }
            Input::Tick { number } if std::env::var("TOY_TICKS").is_ok() => {
                self.ticks += 1;
                out.publish(say(self.ticks, number, digest('a')));
                out.last(format!("tick {number}"));
            }
            Input::Call(call) if call.method == format!("{INTERFACE}.Stages") => {
                out.answer(Reply::ok(&json!({ "seen": self.seen, "threshold": self.threshold })));
            }
            Input::Call(call) if call.method == format!("{INTERFACE}.Prune") => {
                let (operation, why) = ("listing artefacts".into(), "database disk image is malformed".into());
                Err(StoreError::Broken { operation, why })?;
            }
            Input::Reload if self.threshold == UNWELCOME => {
                return Err(HandlerError::Failed("it was told to fail".into()));
            }
            Input::Start => out.health(Health::healthy("toying")),
            _ => {}
        }
        Ok(())
    }
}

fn say(count: u64, threshold: u64, samples_id: Digest) -> TrainingThresholdReached {
    TrainingThresholdReached { config_key: key(), sample_count: count, threshold, samples_id, triggered_at: 0 }
}

/// A configuration.
pub fn key() -> ConfigKey {
    ConfigKey::new("square8_2p").expect("a key")
}

/// A digest of one digit.
pub fn digest(fill: char) -> Digest {
    Digest::new(fill.to_string().repeat(64)).expect("a digest")
}

/// What the test's process does when it is started as the toy.
pub fn run() -> ExitCode {
    let socket =
        ringrift::runtime::Socket { name: "toy", interfaces: vec![(INTERFACE, "interface org.ringrift.Catalog")] };
    let with = ringrift::runtime::Extras { socket: Some(socket), ..Default::default() };
    ringrift::runtime::run(DaemonType::TrainingTrigger, build::<Toy>, with).into()
}
