//! The one way to replace a file: who reads it sees the old one or the new one, each as a whole, also after a kill or a
//! power cut.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What the new content outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlives {
    /// The process: the file lies in memory, or is written again soon.
    Kill,
    /// A power cut: waits for the disk.
    PowerCut,
}

/// Writes beside the file, under a name that is always the same so that a kill leaves at most one draft, and renames.
/// The file has this mode whatever the umask is.
pub fn replace(path: &Path, bytes: &[u8], mode: u32, outlives: Outlives) -> io::Result<()> {
    write(path, bytes, mode, outlives).map_err(|e| io::Error::new(e.kind(), format!("writing {}: {e}", path.display())))
}

fn write(path: &Path, bytes: &[u8], mode: u32, outlives: Outlives) -> io::Result<()> {
    let draft = draft(path);
    // One that a killed writer left may be read-only; whatever else bears the name is not written to.
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    if outlives == Outlives::PowerCut {
        file.sync_all()?;
    }
    fs::rename(&draft, path)?;
    let Some(folder) = path.parent().filter(|_| outlives == Outlives::PowerCut) else { return Ok(()) };
    File::open(folder)?.sync_all()
}

/// `.NAME.new` beside it.
pub fn draft(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_with_its_mode_and_no_draft_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("status.json");
        for (text, outlives) in [("old", Outlives::Kill), ("new", Outlives::PowerCut)] {
            fs::write(draft(&path), "left by a kill, and longer").expect("a draft");
            replace(&path, text.as_bytes(), 0o644, outlives).expect("replaced");
            assert_eq!(fs::read_to_string(&path).expect("read"), text);
        }
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_draft_that_is_a_link_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join("a"), folder.path().join("other"));
        fs::write(&other, "kept").expect("written");
        std::os::unix::fs::symlink(&other, draft(&path)).expect("linked");
        replace(&path, b"x", 0o600, Outlives::Kill).expect("replaced");
        assert_eq!(
            (fs::read_to_string(&other).expect("read"), fs::read_to_string(&path).expect("read")),
            ("kept".into(), "x".into())
        );
    }

    #[test]
    fn an_error_names_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("absent/file");
        let error = replace(&path, b"x", 0o600, Outlives::Kill).expect_err("no folder");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}
