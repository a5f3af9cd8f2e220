//! The state machine against a reference model: sets of what is handled, under random interleavings with lost writes
//! and restarts.
use super::*;
use proptest::prelude::*;

mod cases;

const RULES: Rules = Rules { max_attempts: 3, base_us: 60, max_us: 200, max_crashes: 3 };

/// What is true of the subscription, kept in the simplest way.
#[derive(Debug, Clone, Default)]
struct Truth {
    acked: BTreeSet<Seq>,
    dead: BTreeSet<Seq>,
    redriven: BTreeSet<Seq>,
    tries: BTreeMap<Seq, (u32, u32)>,
}

impl Truth {
    fn open(&self, seq: Seq) -> bool {
        !self.acked.contains(&seq) && !self.dead.contains(&seq)
    }
}

/// An event of one of three types. An interest is a set of types and may change; what it is when an event is looked at
/// decides.
#[derive(Debug, Clone, Copy)]
struct Logged {
    kind: u8,
    key: Option<u8>,
    /// Every interest since it was published wanted it: it must be handled.
    always: bool,
    /// Some interest since then wanted it: it may come.
    ever: bool,
}

#[derive(Debug, Clone)]
enum Op {
    Publish(u8, Option<u8>),
    /// Subscribes again with another interest.
    Interest(u8),
    /// Is forgotten, and subscribes again from now on or from the beginning.
    Retire {
        beginning: bool,
    },
    /// Dead letters are deleted: they can be delivered no more.
    Purge,
    Pump {
        max_in_flight: usize,
        read: usize,
    },
    Ack(usize),
    Nack {
        at: usize,
        delay: Option<i64>,
        dead: bool,
    },
    Pass(i64),
    Disconnect(bool),
    Write,
    Restart {
        written: usize,
    },
    Redrive(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        7 => (0..3u8, prop::option::of(0..3u8)).prop_map(|(kind, key)| Op::Publish(kind, key)),
        1 => prop_oneof![3 => Just(7u8), 2 => 1..8u8].prop_map(Op::Interest),
        6 => (1..6usize, 0..4usize).prop_map(|(max_in_flight, read)| Op::Pump { max_in_flight, read }),
        6 => (0..8usize).prop_map(Op::Ack),
        3 => (0..8usize, prop::option::of(0..300i64), prop::bool::weighted(0.1)).prop_map(|(at, delay, dead)| Op::Nack { at, delay, dead }),
        2 => (0..300i64).prop_map(Op::Pass),
        1 => any::<bool>().prop_map(Op::Disconnect),
        3 => Just(Op::Write),
        1 => (0..9usize).prop_map(|written| Op::Restart { written }),
        1 => (0..8usize).prop_map(Op::Redrive),
        1 => prop::bool::weighted(0.3).prop_map(|beginning| Op::Retire { beginning }),
        1 => Just(Op::Purge),
    ];
    prop::collection::vec(op, 1..160)
}

struct World {
    log: Vec<Logged>,
    interest: u8,
    sut: Delivery,
    now: i64,
    /// In the order of handing out.
    flying: Vec<Seq>,
    truth: Truth,
    /// Changes on their way to the disk, each with what was true when it was taken.
    queue: Vec<(Change, Truth)>,
    mark: Seq,
    rows: BTreeMap<Seq, Row>,
    letters: BTreeSet<Seq>,
    on_disk: Truth,
}

impl World {
    fn new() -> World {
        let mut sut = Delivery::new(0);
        sut.take_change();
        World {
            log: Vec::new(),
            interest: 3,
            sut,
            now: 1000,
            flying: Vec::new(),
            truth: Truth::default(),
            queue: Vec::new(),
            mark: 0,
            rows: BTreeMap::new(),
            letters: BTreeSet::new(),
            on_disk: Truth::default(),
        }
    }

    fn logged(&self, seq: Seq) -> Logged {
        self.log[usize::try_from(seq).expect("small") - 1]
    }

    fn wants(&self, seq: Seq) -> bool {
        self.interest & 1 << self.logged(seq).kind != 0
    }

    /// The interest is another one, or starts over: it is judged again what was wanted. What is handled as well, since
    /// a restart may bring that back.
    fn judge_again(&mut self, anew: bool) {
        for seq in 1..=self.log.len() as Seq {
            let wanted = self.wants(seq);
            let event = &mut self.log[usize::try_from(seq).expect("small") - 1];
            event.always = wanted && (event.always || anew);
            event.ever = wanted || event.ever && !anew;
        }
    }

    fn key(key: u8) -> Key {
        format!("key{key}").into()
    }

    fn handed_out(&mut self, seq: Seq, attempt: u32) {
        let event = self.logged(seq);
        assert!(event.ever, "{seq} is not wanted");
        assert!(self.truth.open(seq), "{seq} is handled already");
        assert!(!self.flying.contains(&seq), "{seq} is in flight already");
        let (attempts, crashes) = self.truth.tries.get(&seq).copied().unwrap_or_default();
        assert_eq!(attempt, attempts + crashes + 1, "try of {seq}");
        if let Some(key) = event.key.filter(|_| !self.truth.redriven.contains(&seq)) {
            for earlier in 1..seq {
                let other = self.logged(earlier);
                let waits = other.always
                    && other.key == Some(key)
                    && self.truth.open(earlier)
                    && !self.truth.redriven.contains(&earlier);
                assert!(!waits, "{seq} overtakes {earlier}, which has the same key");
            }
        }
        self.flying.push(seq);
    }

    fn pump(&mut self, max_in_flight: usize, read: usize) {
        for seq in self.sut.ready(self.now, max_in_flight.saturating_sub(self.flying.len())) {
            let attempt = self.sut.hand_out(seq);
            self.handed_out(seq, attempt);
        }
        if let Some(refill) = self.sut.refill() {
            let mut found = Vec::new();
            let mut read_to = refill.to;
            for seq in refill.from..=refill.to {
                let event = self.logged(seq);
                if self.wants(seq) && event.key.map(World::key).as_ref() == Some(&refill.key) {
                    found.push(seq);
                    if found.len() >= refill.limit.min(read.max(1)) {
                        read_to = seq;
                        break;
                    }
                }
            }
            self.sut.refilled(&refill, &found, read_to);
        }
        let last = self.log.len() as Seq;
        while self.sut.in_flight() < max_in_flight && self.sut.cursor() < last {
            let seq = self.sut.cursor() + 1;
            let event = self.logged(seq);
            if !self.wants(seq) && seq.is_multiple_of(2) {
                self.sut.skip_to(seq);
                continue;
            }
            if self.sut.offer(seq, self.wants(seq), event.key.map(World::key).as_ref()) == Offer::Deliver {
                self.handed_out(seq, 1);
            }
        }
    }

    fn take(&mut self) {
        let change = self.sut.take_change();
        if !change.is_empty() {
            self.queue.push((change, self.truth.clone()));
        }
    }

    fn write(&mut self, count: usize) {
        for (change, truth) in self.queue.drain(..count) {
            for (seq, row) in change.rows {
                match row {
                    Some(row) => drop(self.rows.insert(seq, row)),
                    None => drop(self.rows.remove(&seq)),
                }
            }
            self.letters.extend(change.letters.iter().map(|l| l.seq));
            if let Some(mark) = change.mark {
                assert!(mark >= self.mark, "the mark went back from {} to {mark}", self.mark);
                self.mark = mark;
            }
            self.on_disk = truth;
        }
    }

    fn pick(&self, at: usize) -> Option<Seq> {
        (!self.flying.is_empty()).then(|| self.flying[at % self.flying.len()])
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::Publish(kind, key) => {
                let wanted = self.interest & 1 << kind != 0;
                self.log.push(Logged { kind, key, always: wanted, ever: wanted });
            }
            Op::Interest(interest) => {
                self.interest = interest;
                self.judge_again(false);
            }
            Op::Retire { beginning } => {
                self.mark = if beginning { 0 } else { self.log.len() as Seq };
                (self.truth, self.rows) = (Truth::default(), BTreeMap::new());
                self.on_disk = Truth::default();
                self.queue.clear();
                self.flying.clear();
                self.judge_again(true);
                if !beginning {
                    for event in &mut self.log {
                        (event.always, event.ever) = (false, false);
                    }
                }
                self.sut = Delivery::new(self.mark);
                self.sut.take_change();
            }
            Op::Purge => {
                let dead = std::mem::take(&mut self.truth.dead);
                self.truth.acked.extend(dead);
            }
            Op::Pump { max_in_flight, read } => self.pump(max_in_flight, read),
            Op::Ack(at) => {
                if let Some(seq) = self.pick(at) {
                    assert!(self.sut.ack(seq));
                    assert!(!self.sut.ack(seq), "a second ack does nothing");
                    self.flying.retain(|s| *s != seq);
                    self.truth.acked.insert(seq);
                }
            }
            Op::Nack { at, delay, dead } => {
                if let Some(seq) = self.pick(at) {
                    let tries = self.truth.tries.entry(seq).or_default();
                    tries.0 += 1;
                    let dies = dead || tries.0 >= RULES.max_attempts;
                    assert_eq!(self.sut.nack(seq, "broken", delay, dead, &RULES, self.now), Some(dies));
                    self.flying.retain(|s| *s != seq);
                    if dies {
                        self.truth.dead.insert(seq);
                    }
                }
            }
            Op::Pass(time) => self.now += time,
            Op::Disconnect(crashed) => {
                let first = self.flying.first().copied().filter(|_| crashed);
                let dead = self.sut.disconnect(crashed, &RULES, self.now);
                self.flying.clear();
                if let Some(seq) = first {
                    let tries = self.truth.tries.entry(seq).or_default();
                    tries.1 += 1;
                    let dies = tries.1 >= RULES.max_crashes;
                    assert_eq!(dead, dies.then_some(seq));
                    if dies {
                        self.truth.dead.insert(seq);
                    }
                } else {
                    assert_eq!(dead, None);
                }
            }
            Op::Write => {
                self.take();
                self.write(self.queue.len());
            }
            Op::Restart { written } => {
                self.take();
                self.write(written.min(self.queue.len()));
                self.restart();
            }
            Op::Redrive(at) => {
                let letters: Vec<Seq> = self.truth.dead.iter().copied().collect();
                if let Some(seq) = letters.get(at).copied() {
                    assert!(self.sut.redrive(seq, 1, Vec::new()));
                    self.truth.dead.remove(&seq);
                    self.truth.redriven.insert(seq);
                    self.truth.tries.remove(&seq);
                }
            }
        }
        self.check();
    }

    /// The process is killed: what was not written is forgotten.
    fn restart(&mut self) {
        self.queue.clear();
        self.flying.clear();
        self.truth = self.on_disk.clone();
        self.sut = Delivery::restore(self.mark, self.rows.clone());
    }

    fn check(&self) {
        assert_eq!(self.sut.in_flight(), self.flying.len());
        let needed = (1..=self.log.len() as Seq).find(|seq| self.logged(*seq).always && self.truth.open(*seq));
        if let Some(needed) = needed {
            assert!(self.sut.floor() <= needed, "the floor {} passes {needed}", self.sut.floor());
        }
        assert!(self.sut.mark() >= self.mark && self.sut.cursor() >= self.sut.mark());
    }

    /// Everything that is left gets handled; then nothing is left.
    fn drain(&mut self) {
        for _ in 0..self.log.len() * 4 + 8 {
            self.now += 1000;
            self.pump(4, 3);
            self.check();
            for seq in std::mem::take(&mut self.flying) {
                assert!(self.sut.ack(seq));
                self.truth.acked.insert(seq);
            }
        }
        for seq in 1..=self.log.len() as Seq {
            let event = self.logged(seq);
            assert!(!event.always || !self.truth.open(seq), "event {seq} was lost");
            assert!(event.ever || self.truth.open(seq), "event {seq} was delivered unwanted");
        }
        assert_eq!((self.sut.mark(), self.sut.open()), (self.log.len() as Seq, 0));
        self.take();
        self.write(self.queue.len());
        assert_eq!(self.mark, self.log.len() as Seq);
        assert!(self.rows.is_empty(), "rows are left: {:?}", self.rows);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_lost_and_nothing_acknowledged_comes_again(ops in ops()) {
        let mut world = World::new();
        for op in &ops {
            world.run(op);
        }
        world.drain();
        // And once more from the disk.
        world.restart();
        world.check();
        world.pump(4, 3);
        assert!(world.flying.is_empty());
    }
}
