//! Gates that every grant must pass. They fail closed: what cannot be measured is shut, and says why.
use crate::contract::config::Threshold;
use crate::contract::coordinator::GateView;

/// A gate's measurement: percent used, or why it could not be measured.
pub type Reading = Result<f64, String>;

/// The file system of the coordinator's state directory: shut at `safeguards.disk.critical` and above.
pub fn disk(reading: &Reading, threshold: Threshold) -> GateView {
    let (open, why) = match reading {
        Ok(used) if *used >= threshold.critical => {
            (false, format!("the state directory's file system is {used:.1} % full, safeguards.disk.critical is {} %", threshold.critical))
        }
        Ok(used) if used.is_finite() => (true, format!("{used:.1} % full")),
        Ok(used) => (false, format!("the file system's use was read as {used}")),
        Err(why) => (false, format!("the file system's use cannot be read: {why}")),
    };
    GateView { gate: "disk".into(), open, why }
}

/// Every reason of the shut gates.
pub fn shut(gates: &[GateView]) -> Vec<String> {
    gates.iter().filter(|g| !g.open).map(|g| format!("gate {}: {}", g.gate, g.why)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_full_or_unknown_is_shut() {
        let threshold = Threshold { warning: 65.0, critical: 70.0 };
        assert!(disk(&Ok(69.9), threshold).open);
        for bad in [Ok(70.0), Ok(100.0), Ok(f64::NAN), Err("no such file".to_owned())] {
            let view = disk(&bad, threshold);
            assert!(!view.open && !shut(&[view]).is_empty(), "{bad:?}");
        }
    }
}
