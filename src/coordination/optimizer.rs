//! How many jobs a node should run: one controller for each of its resources, and of their wishes the most careful one.
use super::pid::{self, Band, PidState};
use super::predict;
use crate::contract::config::{Optimizer, ResourceTargets};
use crate::contract::coordinator::optimizer::Action;
use crate::contract::time::Wall;
use serde::{Deserialize, Serialize};

/// One resource's memory.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The controller.
    pub pid: PidState,
    /// The window's samples: time, percent.
    pub samples: Vec<(Wall, f64)>,
    /// Fractions of a job that wait to become a whole one.
    pub carry: f64,
    /// What a job takes of the resource, as measured, percent points.
    pub per_job: Option<f64>,
    /// Jobs at the last look.
    pub running: u32,
}

/// One resource as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Busy share, percent.
    pub percent: f64,
    /// What one more job adds, percent points; above 0.
    pub per_job: f64,
}

/// The node as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Jobs that run.
    pub running: u32,
    /// The most that its hardware allows.
    pub most: u32,
    /// Something that forbids more jobs: memory, say.
    pub full: Option<&'static str>,
}

/// What one resource wishes.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredChange {
    /// Jobs to add, or to take away.
    pub delta: i32,
    /// The step it comes from; none between two periods.
    pub step: Option<pid::Step>,
    /// Where the trend leads.
    pub prediction: Option<predict::Prediction>,
    /// It would have been more, but for what one step may do.
    pub limited: bool,
}

/// The decision for a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// Jobs that should run.
    pub jobs: u32,
    /// Jobs more or less than now.
    pub delta: i32,
    /// Why.
    pub reason: String,
    /// 0 to 1: how sure the trend is, or 1 when the measurement alone decides.
    pub confidence: f64,
}

/// The band of the processors.
pub fn cpu_band(t: &ResourceTargets) -> Band {
    Band { up: t.scale_up, low: t.cpu_min, target: t.cpu_target, high: t.cpu_max, down: t.scale_down }
}

/// The band of the GPUs.
pub fn gpu_band(t: &ResourceTargets) -> Band {
    Band { up: t.scale_up, low: t.gpu_min, target: t.gpu_target, high: t.gpu_max, down: t.scale_down }
}

/// Jobs that one step may add and take away: a few, and more on nodes that run many.
pub fn step_limits(settings: &Optimizer, most: u32) -> (i32, i32) {
    let share = |floor: u32| i32::try_from(floor.max(most.div_ceil(8))).unwrap_or(i32::MAX);
    (share(settings.step_up), share(settings.step_down))
}

/// What one more job adds, percent points: what the jobs that run take, smoothed; `believed` until that was measured.
/// Between two checks jobs come and go, so their number is the mean of both. Jobs that wait for something take less
/// than the next one will, and never nothing: a tenth of what is believed is the least. Above the band nothing is
/// learnt: there they get what others leave.
pub fn per_job(memory: &mut Memory, believed: f64, used_by_jobs: Option<f64>, running: u32, above_band: bool) -> f64 {
    let before = std::mem::replace(&mut memory.running, running);
    if let Some(used) = used_by_jobs
        && before.min(running) > 0
        && !above_band
    {
        let each = used * 2.0 / (f64::from(before) + f64::from(running));
        let smooth = memory.per_job.map_or(each, |known| (known + each) / 2.0);
        memory.per_job = Some(smooth.clamp(believed / 10.0, believed * 2.0));
    }
    memory.per_job.unwrap_or(believed)
}

/// Lets one resource wish. Whole jobs only; what is left over is carried to the next step.
pub fn wish(
    targets: &ResourceTargets,
    settings: &Optimizer,
    band: &Band,
    memory: &mut Memory,
    measured: Measured,
    load: &Load,
    now: Wall,
) -> DesiredChange {
    memory.samples.push((now, measured.percent));
    predict::trim(settings, &mut memory.samples, now);
    let prediction = predict::predict(settings, &memory.samples, now);
    let expected = prediction.filter(|p| p.confidence >= settings.min_confidence).map(|p| p.percent);
    let Some(step) = pid::step(&targets.pid, settings, band, &mut memory.pid, measured.percent, expected, now) else {
        // Two looks within half a period: the sample must not count twice.
        memory.samples.pop();
        return DesiredChange { delta: 0, step: None, prediction, limited: false };
    };
    if step.moving == 0 {
        memory.carry = 0.0;
        return DesiredChange { delta: 0, step: Some(step), prediction, limited: false };
    }
    let (up, down) = step_limits(settings, load.most);
    let wanted = step.points / measured.per_job + memory.carry;
    let mut delta = wanted.clamp(-f64::from(down), f64::from(up)) as i32;
    let direction = i32::from(step.moving);
    if delta * direction < 0 {
        delta = 0;
    }
    // Less than a whole job is still a wish as long as half of one would help.
    if delta == 0 && step.points * f64::from(direction) > 0.0 && step.error.abs() > (measured.per_job / 2.0).max(2.5) {
        delta = direction;
    }
    memory.carry = (wanted - f64::from(delta)).clamp(-0.99, 0.99);
    DesiredChange { delta, step: Some(step), prediction, limited: (wanted - f64::from(delta)).abs() > 1.0 }
}

/// Of the resources' wishes the most careful: any may shed, and all that matter must want more before there is more.
pub fn decide(
    settings: &Optimizer,
    load: &Load,
    wishes: &mut [(&'static str, Measured, DesiredChange, &mut Memory)],
) -> Decision {
    let (_, down) = step_limits(settings, load.most);
    let careful = wishes.iter().min_by_key(|(_, _, wish, _)| wish.delta);
    let (who, wished, step, prediction) = match careful {
        Some((who, _, wish, _)) => (*who, wish.delta, wish.step, wish.prediction),
        None => {
            return Decision {
                action: Action::None,
                jobs: load.running,
                delta: 0,
                reason: "no measurements".into(),
                confidence: 0.0,
            };
        }
    };
    let over = i32::try_from(load.running.saturating_sub(load.most)).unwrap_or(i32::MAX);
    let room = i32::try_from(load.most.saturating_sub(load.running)).unwrap_or(i32::MAX);
    let mut delta = wished.min(room).max(-i32::try_from(load.running).unwrap_or(i32::MAX));
    let mut reason = match step {
        Some(s) if wished != 0 => format!("{who} {:.0} % (target {:.0} %)", s.seen, s.seen + s.error),
        Some(s) => format!("{who} {:.0} %: on target", s.seen),
        None => "last measured within this period".into(),
    };
    if delta > 0
        && let Some(full) = load.full
    {
        (delta, reason) = (0, format!("{reason}; no more jobs: {full}"));
    } else if wished > 0 && delta == 0 {
        reason = format!("{reason}; no more jobs: node limit of {} reached", load.most);
    }
    if over > 0 && delta > -over {
        (delta, reason) = (-over.min(down), format!("{} jobs running (limit {})", load.running, load.most));
    }
    for (_, measured, wish, memory) in wishes.iter_mut() {
        if wish.step.is_some() {
            pid::applied(&mut memory.pid, f64::from(delta) * measured.per_job, wish.limited || wish.delta != delta);
        }
    }
    let action = match delta {
        1.. => Action::ScaleUp,
        0 => Action::None,
        _ => Action::ScaleDown,
    };
    let jobs = load.running.saturating_add_signed(delta);
    Decision { action, jobs, delta, reason, confidence: prediction.map_or(1.0, |p| p.confidence) }
}

#[cfg(test)]
#[path = "optimizer/tests.rs"]
mod tests;
