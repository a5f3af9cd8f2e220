//! The shipped units as systemd itself judges them: without a warning, and hardened.

use crate::machine::Machine;

on_both!(verify_is_silent, services_are_hardened);

fn verify_is_silent(m: &Machine) {
    let units = m.shipped_units();
    assert!(!units.is_empty(), "the package has no units");
    // Without --man: there is no man program in so small a system. All at once, so that references between them are
    // seen.
    let said = m.run(&format!("systemd-analyze verify --man=no {} 2>&1", units.join(" ")));
    assert_eq!((said.code, said.out.as_str()), (0, ""), "systemd-analyze verify");
}

/// Exposure from 0 to 10 that no service may exceed.
const EXPOSURE: f64 = 2.5;

fn services_are_hardened(m: &Machine) {
    let mut exposed = Vec::new();
    for unit in m.shipped_units().iter().filter(|name| name.ends_with(".service")) {
        let unit = unit.replace("@.", "@test.");
        let report = m.ok(&format!("systemd-analyze security --no-pager {unit}"));
        let last = report.lines().last().unwrap_or_default();
        // "→ Overall exposure level for ringrift-x.service: 1.4 OK"
        let level = last
            .rsplit(": ")
            .next()
            .and_then(|rest| rest.split(' ').next())
            .and_then(|number| number.parse::<f64>().ok());
        match level {
            Some(level) if level <= EXPOSURE => {}
            _ => exposed.push(last.to_string()),
        }
    }
    assert!(exposed.is_empty(), "above {EXPOSURE}: {exposed:#?}");
}
