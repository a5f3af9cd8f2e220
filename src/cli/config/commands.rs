//! Whether jobs can run the commands of the stages: the unit of a job sees no home directory and has a private /tmp.
use crate::contract::config::Workload;
use crate::contract::workload::JobType;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Directories that the units of jobs hide (ProtectHome=, PrivateTmp=) and the setting that does so.
const HIDDEN: &[(&str, &str)] = &[
    ("/home", "ProtectHome="),
    ("/root", "ProtectHome="),
    ("/run/user", "ProtectHome="),
    ("/tmp", "PrivateTmp="),
    ("/var/tmp", "PrivateTmp="),
];
/// Longest first line of a script that is looked at, bytes.
const FIRST_LINE: u64 = 256;

/// One warning for each program or script of a command that a job could not run.
pub fn warnings(workload: &Workload) -> Vec<String> {
    let mut found = Vec::new();
    for kind in JobType::ALL {
        let command = &workload.stage(kind).command;
        for (at, word) in command.iter().enumerate().filter(|(_, word)| word.starts_with('/')) {
            let path = Path::new(word);
            let wrong = match at {
                0 => program(path),
                // A later word may be a script, or a file that the program makes: it has to be readable only if it is
                // there.
                _ => hidden(path).or_else(|| path.exists().then(|| reachable(path, 0o004, "readable")).flatten()),
            };
            if let Some(why) = wrong {
                let advice = "move it below /opt or /usr/local and make it readable and executable for everybody";
                found.push(format!("workload.{kind}.command: jobs cannot run {word}: {why}; {advice}"));
            }
        }
    }
    found
}

fn program(path: &Path) -> Option<String> {
    if let Some(why) = hidden(path) {
        return Some(why);
    }
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) => return Some(error.to_string()),
    };
    if !meta.is_file() {
        return Some("not a regular file".into());
    }
    reachable(path, 0o001, "executable").or_else(|| {
        let interpreter = interpreter(path)?;
        hidden(&interpreter)
            .or_else(|| fs::metadata(&interpreter).err().map(|e| e.to_string()))
            .or_else(|| reachable(&interpreter, 0o001, "executable"))
            .map(|why| format!("its interpreter {}: {why}", interpreter.display()))
    })
}

/// Why a job does not see a path, by its name and by what it resolves to.
fn hidden(path: &Path) -> Option<String> {
    let real = fs::canonicalize(path).ok();
    let (folder, setting) = HIDDEN
        .iter()
        .find(|(folder, _)| path.starts_with(folder) || real.as_ref().is_some_and(|r| r.starts_with(folder)))?;
    let resolved = real.filter(|r| r != path).map(|r| format!(" (resolves to {})", r.display())).unwrap_or_default();
    Some(format!("job units cannot see {folder} ({setting}){resolved}"))
}

/// Why others, which the user of a job is, may not use a file, or come to it.
fn reachable(path: &Path, bit: u32, word: &str) -> Option<String> {
    let real = fs::canonicalize(path).ok()?;
    let mode = |p: &Path| fs::metadata(p).map(|m| m.permissions().mode()).ok();
    if let Some(mode) = mode(&real).filter(|mode| mode & bit == 0) {
        return Some(format!("not {word} for others (mode {:04o})", mode & 0o7777));
    }
    let closed = real
        .ancestors()
        .skip(1)
        .find_map(|folder| mode(folder).filter(|m| m & 0o001 == 0).map(|m| (folder.to_owned(), m)))?;
    Some(format!("others may not enter {} (mode {:04o})", closed.0.display(), closed.1 & 0o7777))
}

/// The interpreter that a script names in its first line.
fn interpreter(path: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    fs::File::open(path).ok()?.take(FIRST_LINE).read_to_end(&mut head).ok()?;
    let line = head.split(|b| *b == b'\n').next()?;
    let words = std::str::from_utf8(line.strip_prefix(b"#!")?).ok()?;
    words.split_whitespace().next().map(PathBuf::from).filter(|p| p.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::config::Stage;

    fn warned(command: &[&str]) -> String {
        let command = command.iter().map(|w| (*w).to_owned()).collect();
        let empty = Stage::default;
        let training = Stage { command, ..empty() };
        warnings(&Workload { selfplay: empty(), export: empty(), training, evaluation: empty(), ..Workload::default() })
            .join("\n")
    }

    #[test]
    fn what_a_job_cannot_run_is_named_with_the_reason() {
        assert_eq!(warned(&["/bin/sh", "-c", "exit 0"]), "");
        let cases: [(&[&str], &str); 7] = [
            (&["/home/me/train.py"], "/home (ProtectHome=)"),
            (&["/root/train.py"], "/root (ProtectHome=)"),
            (&["/tmp/train.py"], "/tmp (PrivateTmp=)"),
            (&["/usr/bin/env", "/home/me/train.py"], "/home/me/train.py"),
            (&["/opt/no/such/trainer"], "No such file"),
            (&["/usr"], "not a regular file"),
            (&["/etc/passwd"], "not executable for others"),
        ];
        for (command, words) in cases {
            let said = warned(command);
            assert!(said.starts_with("workload.training.command: ") && said.contains(words), "{command:?}: {said}");
        }
    }

    #[test]
    fn modes_and_interpreters_are_looked_at() {
        let dir = tempfile::tempdir().expect("a directory");
        let script = dir.path().join("t.py");
        fs::write(&script, "#!/nowhere/python -u\n").expect("written");
        assert_eq!(interpreter(&script), Some("/nowhere/python".into()));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).expect("set");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).expect("set");
        let why = reachable(&script, 0o004, "readable").expect("closed");
        assert!(why.contains("others may not enter"), "{why}");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o640)).expect("set");
        assert!(reachable(&script, 0o004, "readable").is_some_and(|why| why.contains("not readable for others")));
    }
}
