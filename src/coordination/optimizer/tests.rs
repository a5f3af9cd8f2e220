//! The controller against simulated nodes: noisy load, lag, steps; processors and GPUs.
use super::*;
use crate::contract::time::Span;
use proptest::prelude::*;

const PERIOD: Span = Span::of_secs(60);
const START: Wall = Wall::of_us(0);

/// A node: what jobs and others make of its resource, seen late and with noise.
struct Plant {
    most: u32,
    /// What a job really adds; the controller believes 100 / most.
    per_job: f64,
    /// What others use.
    others: f64,
    /// Periods that the use needs to follow, as a time constant.
    lag: f64,
    used: f64,
    noise: u64,
}

impl Plant {
    fn reaches(&self) -> f64 {
        self.others + self.per_job * f64::from(self.most)
    }
    /// Roughly normal, repeatable.
    fn noise(&mut self, sigma: f64) -> f64 {
        let uniform = (0..4).map(|_| {
            self.noise = self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.noise >> 33) as f64 / (1u64 << 31) as f64 - 0.5
        });
        uniform.sum::<f64>() * sigma * 1.73
    }
    fn pass(&mut self, jobs: u32) -> f64 {
        let goal = (self.others + self.per_job * f64::from(jobs)).min(100.0);
        self.used += (1.0 - (-1.0 / self.lag).exp()) * (goal - self.used);
        (self.used + self.noise(2.0)).clamp(0.0, 100.0)
    }
}

struct Trace {
    used: Vec<f64>,
    jobs: Vec<u32>,
}

struct Loop {
    plant: Plant,
    memory: Memory,
    jobs: u32,
    now: Wall,
}

impl Loop {
    fn new(plant: Plant, jobs: u32) -> Loop {
        Loop { plant, memory: Memory::default(), jobs, now: START }
    }
    fn run(&mut self, periods: usize, band: &Band) -> Trace {
        let (targets, settings) = (ResourceTargets::default(), Optimizer::default());
        let mut trace = Trace { used: vec![], jobs: vec![] };
        for _ in 0..periods {
            self.now += PERIOD;
            let measured =
                Measured { percent: self.plant.pass(self.jobs), per_job: 100.0 / f64::from(self.plant.most) };
            let load = Load { running: self.jobs, most: self.plant.most, full: None };
            let wish = wish(&targets, &settings, band, &mut self.memory, measured, &load, self.now);
            self.jobs = decide(&settings, &load, &mut [("cpu", measured, wish, &mut self.memory)]).jobs;
            trace.used.push(self.plant.used);
            trace.jobs.push(self.jobs);
        }
        trace
    }
}

/// Periods until the use is in the band for good.
fn settled(trace: &Trace, band: &Band) -> usize {
    trace.used.iter().rposition(|u| !band.holds(*u)).map_or(0, |at| at + 1)
}

fn plant(most: u32, strength: f64, others: f64, lag: f64, noise: u64) -> Plant {
    Plant { most, per_job: 100.0 * strength / f64::from(most), others, lag, used: others, noise }
}

/// From idle, from overload, after others came, after they went: in the band within ten periods, and then quiet. A
/// thousand nodes; jobs take from .6 to 1.4 times what the controller believes, and at most half the band each.
#[test]
fn it_settles_within_ten_periods_and_stays() {
    let targets = ResourceTargets::default();
    let mut cases = plant(1, 1.0, 0.0, 1.0, 42);
    let mut uniform = |low: f64, high: f64| {
        cases.noise(1.0);
        low + (high - low) * (cases.noise >> 33) as f64 / (1u64 << 31) as f64
    };
    let (mut slowest, mut judged) = (0, 0);
    for case in 0..1000u64 {
        let most = [16u32, 24, 32, 48, 64, 96, 128][uniform(0.0, 7.0) as usize];
        let (strength, others, lag, full) =
            (uniform(0.6, 1.4), uniform(0.0, 40.0), uniform(0.1, 1.0), uniform(0.0, 1.0) < 0.5);
        let band = if case % 2 == 0 { gpu_band(&targets) } else { cpu_band(&targets) };
        let mut control = Loop::new(plant(most, strength, others, lag, case), if full { most } else { 0 });
        for later in [others, (others + 25.0).min(55.0), 0.0] {
            control.plant.others = later;
            let trace = control.run(40, &band);
            let told = || {
                format!(
                    "case {case}, {most} jobs × {strength:.2}, lag {lag:.2}, others {later:.0}: {:.0?} {:?}",
                    trace.used, trace.jobs
                )
            };
            assert!(trace.jobs.iter().all(|n| *n <= most), "{}", told());
            if control.plant.reaches() < 72.0 {
                continue;
            }
            let periods = settled(&trace, &band);
            assert!(periods <= 10, "{periods} periods; {}", told());
            let changes = trace.jobs[12..].windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!(changes <= 6, "{changes} changes after it settled; {}", told());
            (slowest, judged) = (slowest.max(periods), judged + 1);
        }
    }
    assert!(judged > 2000 && slowest > 3, "{judged} judged, slowest {slowest}");
}

proptest! {
    #[test]
    fn the_integral_never_saturates_at_one_error_and_always_matters(error in 5.5f64..60.0) {
        let (targets, settings) = (ResourceTargets::default(), Optimizer::default());
        let band = cpu_band(&targets);
        let mut state = PidState { moving: 1, ..PidState::default() };
        pid::step(&targets.pid, &settings, &band, &mut state, 70.0 - error, None, START + PERIOD);
        let first = targets.pid.ki * state.integral;
        prop_assert!(first > 0.0 && first < settings.integral_points, "{first} after one period");
        pid::step(&targets.pid, &settings, &band, &mut state, 70.0 - error, None, START + 2 * PERIOD);
        prop_assert!(targets.pid.ki * state.integral > first, "it goes on to count");
    }
}

#[test]
fn a_limit_that_stands_against_it_winds_nothing_up() {
    let targets = ResourceTargets::default();
    let band = cpu_band(&targets);
    // The node is too weak to reach the band: for an hour all its jobs run and the error stays.
    let mut control = Loop::new(plant(16, 0.5, 0.0, 0.3, 7), 0);
    control.run(60, &band);
    let integral = targets.pid.ki * control.memory.pid.integral;
    assert!(integral < 8.0, "{integral} points were wound up");
    control.plant.others = 60.0;
    let trace = control.run(20, &band);
    assert!(settled(&trace, &band) <= 10, "{:?} {:?}", trace.used, trace.jobs);
}

/// Two processors and jobs of a third of one each, as of a workload that waits a lot: what a job takes is learnt from
/// what the jobs took.
#[test]
fn jobs_that_are_no_whole_thread_settle_as_fast() {
    let (targets, settings) = (ResourceTargets::default(), Optimizer::default());
    let band = cpu_band(&targets);
    for (noise, lag) in [(1, 0.1), (2, 0.5), (3, 1.0)] {
        let mut plant = Plant { most: 8, per_job: 15.0, others: 0.0, lag, used: 0.0, noise };
        let (mut memory, mut jobs, mut now) = (Memory::default(), 1, START);
        for others in [0.0, 50.0, 0.0] {
            plant.others = others;
            let mut trace = Trace { used: vec![], jobs: vec![] };
            for _ in 0..30 {
                now += PERIOD;
                let percent = plant.pass(jobs);
                let took = (15.0 * f64::from(jobs)).min(100.0 - others) + plant.noise(1.0);
                let measured = Measured {
                    percent,
                    per_job: per_job(&mut memory, 50.0, Some(took.max(0.0)), jobs, percent > band.high),
                };
                let load = Load { running: jobs, most: 8, full: None };
                let wish = wish(&targets, &settings, &band, &mut memory, measured, &load, now);
                jobs = decide(&settings, &load, &mut [("cpu", measured, wish, &mut memory)]).jobs.max(1);
                trace.used.push(plant.used);
                trace.jobs.push(jobs);
            }
            let told = format!("lag {lag}, others {others}: {:.0?} {:?}", trace.used, trace.jobs);
            assert!(settled(&trace, &band) <= 10, "{told}");
            assert!(trace.jobs[12..].windows(2).filter(|pair| pair[0] != pair[1]).count() <= 2, "{told}");
        }
    }
}

#[test]
fn what_a_job_takes_is_measured_within_reason() {
    let mut memory = Memory::default();
    assert_eq!(per_job(&mut memory, 50.0, None, 0, false), 50.0, "believed");
    assert_eq!(per_job(&mut memory, 50.0, Some(0.0), 2, false), 50.0, "none ran at the last look");
    assert_eq!(per_job(&mut memory, 50.0, Some(30.0), 2, false), 15.0);
    assert_eq!(per_job(&mut memory, 50.0, Some(75.0), 4, false), 20.0, "three on average, smoothed");
    assert_eq!(per_job(&mut memory, 50.0, None, 4, false), 20.0, "a look that failed changes nothing");
    assert_eq!(per_job(&mut memory, 50.0, Some(4.0), 4, true), 20.0, "what others leave");
    for _ in 0..20 {
        per_job(&mut memory, 50.0, Some(0.0), 4, false);
    }
    assert_eq!(memory.per_job, Some(5.0), "jobs that all wait");
}

#[test]
fn the_most_careful_resource_decides() {
    let (targets, settings) = (ResourceTargets::default(), Optimizer::default());
    let load = Load { running: 10, most: 24, full: None };
    let (mut cpu, mut gpu) = (Memory::default(), Memory::default());
    let (busy, idle) = (Measured { percent: 97.0, per_job: 4.0 }, Measured { percent: 20.0, per_job: 4.0 });
    let first = wish(&targets, &settings, &gpu_band(&targets), &mut gpu, busy, &load, START);
    let second = wish(&targets, &settings, &cpu_band(&targets), &mut cpu, idle, &load, START);
    assert!(first.delta < 0 && second.delta > 0);
    let decision = decide(&settings, &load, &mut [("gpu", busy, first, &mut gpu), ("cpu", idle, second, &mut cpu)]);
    assert_eq!(decision.action, Action::ScaleDown);
    assert!(decision.reason.starts_with("gpu 97 %"), "{}", decision.reason);
    assert!(cpu.pid.held, "the other one must not wind up meanwhile");
}

#[test]
fn full_memory_forbids_more_and_a_limit_that_shrank_sheds() {
    let (targets, settings) = (ResourceTargets::default(), Optimizer::default());
    let idle = Measured { percent: 10.0, per_job: 4.0 };
    let decided = |load: Load| {
        let mut memory = Memory::default();
        let wish = wish(&targets, &settings, &cpu_band(&targets), &mut memory, idle, &load, START);
        decide(&settings, &load, &mut [("cpu", idle, wish, &mut memory)])
    };
    let full = decided(Load { running: 3, most: 24, full: Some("memory") });
    assert!(full.action == Action::None && full.reason.contains("memory"), "{full:?}");
    let shrunk = decided(Load { running: 9, most: 4, full: None });
    assert_eq!((shrunk.action, shrunk.delta), (Action::ScaleDown, -2), "{shrunk:?}");
    assert_eq!(
        decide(&settings, &Load { running: 3, most: 4, full: None }, &mut []).action,
        Action::None,
        "nothing measured, nothing done"
    );
}

#[test]
fn two_looks_in_one_period_count_once_and_a_clock_that_goes_back_stops_nothing() {
    let (targets, settings) = (ResourceTargets::default(), Optimizer::default());
    let load = Load { running: 0, most: 24, full: None };
    let idle = Measured { percent: 10.0, per_job: 4.0 };
    let mut memory = Memory::default();
    let mut look = |at: Wall| wish(&targets, &settings, &cpu_band(&targets), &mut memory, idle, &load, at).delta;
    assert!(look(START + PERIOD * 100) > 0);
    assert_eq!(look(START + PERIOD * 100 + Span::SECOND), 0);
    assert!(look(START + PERIOD * 50) > 0);
}
