//! Which files are the configuration, and reading them: regular files only, of a bounded size, without waiting for
//! anybody.
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The largest file that is read, bytes.
const MAX_SIZE: u64 = 1 << 20;

/// The files of a directory of drop-ins, by name: those that end in `.yaml`. Hidden ones are an editor's and are passed
/// over.
pub fn drop_ins(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|x| x == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether there is something of this name, be it a link that leads nowhere: that is an error to be reported, not a
/// file to be missed.
pub fn is_there(path: &Path) -> bool {
    !matches!(std::fs::symlink_metadata(path), Err(e) if e.kind() == io::ErrorKind::NotFound)
}

/// Whether this process may not read it. What is not there is not hidden.
pub fn is_hidden(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::R_OK) == Err(nix::errno::Errno::EACCES)
}

/// Reads a file. Links are followed; a FIFO, a socket, a device or a directory is an error and never waited for.
pub fn read(path: &Path) -> io::Result<String> {
    // Without O_NONBLOCK opening a FIFO waits for its writer.
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY).open(path)?;
    let kind = file.metadata()?.file_type();
    let odd = match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some("a directory"),
        () if kind.is_fifo() => Some("a FIFO"),
        () if kind.is_socket() => Some("a socket"),
        () => Some("a device"),
    };
    match odd {
        Some(odd) => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("is {odd}; must be a regular file"))),
        None => whole(file),
    }
}

fn whole(file: File) -> io::Result<String> {
    let mut text = String::new();
    // The size may grow while it is read.
    if file.take(MAX_SIZE + 1).read_to_string(&mut text)? as u64 > MAX_SIZE {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("larger than {} KiB", MAX_SIZE >> 10)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;

    #[test]
    fn only_regular_files_are_read_and_a_fifo_is_not_waited_for() {
        let root = tempfile::tempdir().expect("a folder");
        let at = |name: &str| root.path().join(name);
        std::fs::write(at("b.yaml"), "x: 1\n").expect("written");
        std::fs::write(at(".hidden.yaml"), "x: 2\n").expect("written");
        std::fs::write(at("note.txt"), "x").expect("written");
        std::os::unix::fs::symlink(at("b.yaml"), at("a.yaml")).expect("linked");
        std::os::unix::fs::symlink(at("nowhere"), at("c.yaml")).expect("linked");
        nix::unistd::mkfifo(&at("d.yaml"), Mode::from_bits_truncate(0o644)).expect("a FIFO");
        std::fs::create_dir(at("e.yaml")).expect("a folder");
        std::fs::write(at("f.yaml"), "#".repeat(2 << 20)).expect("written");
        let names: Vec<String> = drop_ins(root.path())
            .expect("listed")
            .iter()
            .map(|p| p.file_name().expect("a name").to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["a.yaml", "b.yaml", "c.yaml", "d.yaml", "e.yaml", "f.yaml"]);
        assert_eq!(read(&at("a.yaml")).expect("read"), "x: 1\n");
        for (name, why) in [
            ("d.yaml", "a FIFO"),
            ("e.yaml", "a directory"),
            ("f.yaml", "larger than 1024 KiB"),
            ("c.yaml", "No such file"),
        ] {
            let error = read(&at(name)).expect_err(name).to_string();
            assert!(error.contains(why), "{name}: {error}");
        }
        assert!(is_there(&at("c.yaml")) && !is_there(&at("g.yaml")));
        assert!(drop_ins(&at("g")).expect("none").is_empty());
    }
}
