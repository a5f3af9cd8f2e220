//! `ringrift units verify`: runs systemd-analyze on the units.
use crate::cli::Done;
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::contract::error::{Exit, Failure};
use crate::units;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

/// Exposure, 0 to 10, that no service may exceed.
const EXPOSURE: f64 = 2.5;

/// Verify the unit files with systemd-analyze, and fail if the exposure of a service exceeds 2.5.
#[derive(Debug, Args)]
pub struct Verify {
    /// Directory of the units
    #[arg(long, value_name = "DIR", default_value = "/usr/lib/systemd/system")]
    dir: PathBuf,
}

impl Verify {
    /// Prints the ratings; exits with 1 when systemd has a complaint or a rating is too high.
    pub fn run(self, _world: &World, out: &Out) -> Done {
        let files = units::generate();
        let path = |name: &str| self.dir.join(name).display().to_string();
        let names: Vec<String> = files.iter().map(|f| path(&f.name)).collect();
        let complaints =
            analyze(&[&["verify", "--man=no"][..], &names.iter().map(String::as_str).collect::<Vec<_>>()].concat())?.1;
        let mut rated = Vec::new();
        for file in files.iter().filter(|f| f.name.ends_with(".service")) {
            let (said, _) = analyze(&["security", "--offline=yes", "--no-pager", &path(&file.name)])?;
            rated.push((file.name.clone(), level(&said)));
        }
        let high = |level: &Option<f64>| level.is_none_or(|l| l > EXPOSURE);
        let bad = rated.iter().any(|(_, l)| high(l)) || !complaints.trim().is_empty();
        let value = json!({
            "complaints": complaints.lines().collect::<Vec<_>>(),
            "exposure": rated.iter().map(|(name, level)| json!({ "unit": name, "level": level })).collect::<Vec<_>>(),
            "allowed": EXPOSURE,
        });
        out.either("verify", &value, || {
            let rows = rated.iter().map(|(name, level)| {
                let tone = if high(level) { Tone::Bad } else { Tone::Good };
                vec![Text::new(tone, level.map_or("?".into(), |l| format!("{l:.1}"))), Text::plain(name)]
            });
            let verdict = match complaints.trim() {
                "" => out.paint(Tone::Good, "no errors"),
                text => out.paint(Tone::Bad, text),
            };
            format!("{}{verdict}\n", out.table(&["EXPOSURE", "UNIT"], rows.collect()))
        })?;
        Ok(if bad { Exit::Failure } else { Exit::Ok })
    }
}

/// What systemd-analyze wrote: stdout and stderr.
fn analyze(arguments: &[&str]) -> Result<(String, String), Failure> {
    let output = Command::new("systemd-analyze").args(arguments).env("LC_ALL", "C.UTF-8").output().map_err(|e| {
        Failure::new(Exit::Unavailable, "running systemd-analyze")
            .caused_by(e)
            .hint("install it with `apt-get install systemd`")
    })?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((text(output.stdout), text(output.stderr)))
}

/// The number in `→ Overall exposure level for x.service: 1.4 OK`.
fn level(said: &str) -> Option<f64> {
    let line = said.lines().rev().find(|l| l.contains("Overall exposure level"))?;
    line.rsplit_once(": ")?.1.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn the_rating_is_read_from_the_last_line() {
        assert_eq!(level("x\n→ Overall exposure level for ringrift-x.service: 1.4 OK :-)\n"), Some(1.4));
        assert_eq!(level("nothing"), None);
    }
}
