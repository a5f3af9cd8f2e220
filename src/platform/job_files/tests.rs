//! Everything that a job can put under the name of a file, on a real file system.
use super::*;
use crate::contract::ids::JobId;
use crate::contract::job_file::JobPath;
use nix::unistd::{geteuid, mkfifo};
use std::fs;
use std::fs::Permissions;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use tempfile::TempDir;

struct World {
    dir: TempDir,
    files: JobFiles,
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(dir.path().join("jobs/t-1/attempt-1/sub")).expect("made");
        fs::write(dir.path().join("secret"), "abc").expect("written");
        World { files: JobFiles::new(dir.path().join("jobs")), dir }
    }
    fn attempt(&self) -> PathBuf {
        self.dir.path().join("jobs/t-1/attempt-1")
    }
    fn open(&self, path: &str) -> Result<String, JobFileError> {
        let mut text = String::new();
        self.files.open(&file(path))?.read_to_string(&mut text).expect("read");
        Ok(text)
    }
}

fn file(path: &str) -> JobFile {
    let (job, path) = (JobId::new("t-1").expect("an id"), JobPath::new(path).expect("a path"));
    JobFile { job, attempt: 1, path, bytes: 3, uids: vec![geteuid().as_raw()] }
}

#[test]
fn a_regular_file_of_the_job_is_opened() {
    let w = World::new();
    fs::write(w.attempt().join("sub/a.db"), "abc").expect("written");
    assert_eq!(w.open("sub/a.db").expect("opened"), "abc");
}

#[test]
fn what_is_no_regular_file_of_the_job_is_refused_at_once_and_for_good() {
    let w = World::new();
    let at = |name: &str| w.attempt().join(name);
    symlink(w.dir.path().join("secret"), at("link.db")).expect("linked");
    symlink(w.dir.path(), at("folder")).expect("linked");
    fs::hard_link(w.dir.path().join("secret"), at("hard.db")).expect("linked");
    mkfifo(&at("fifo.db"), Mode::from_bits_truncate(0o600)).expect("a FIFO");
    let _socket = UnixListener::bind(at("socket.db")).expect("a socket");
    fs::write(at("long.db"), "abcd").expect("written");
    let table = [
        ("link.db", "symbolic link"),
        ("folder/secret", "symbolic link"),
        ("hard.db", "2 hard links"),
        ("fifo.db", "not a regular file"),
        ("socket.db", "opening it"),
        ("sub", "not a regular file"),
        ("long.db", "4 bytes"),
        ("absent.db", "opening it"),
        ("absent/a.db", "opening the directory"),
        ("long.db/a", "not a directory"),
    ];
    for (path, word) in table {
        let error = w.open(path).expect_err(path);
        assert!(error.to_string().contains(word), "{path}: {error}");
        assert_eq!(error.permanence, Permanence::Permanent, "{path}");
    }
}

#[test]
fn the_owner_has_to_be_one_of_the_jobs_users() {
    let w = World::new();
    fs::write(w.attempt().join("a.db"), "abc").expect("written");
    for uids in [vec![], vec![geteuid().as_raw() + 1]] {
        let error = w.files.open(&JobFile { uids, ..file("a.db") }).expect_err("a foreign file");
        assert!(error.to_string().contains("not to the job"), "{error}");
    }
}

#[test]
fn the_folder_of_another_attempt_or_job_is_not_looked_into() {
    let w = World::new();
    fs::create_dir_all(w.dir.path().join("jobs/t-2/attempt-1")).expect("made");
    fs::write(w.dir.path().join("jobs/t-2/attempt-1/a.db"), "abc").expect("written");
    fs::remove_dir_all(w.attempt()).expect("removed");
    symlink("../t-2/attempt-1", w.attempt()).expect("linked");
    let error = w.open("a.db").expect_err("the attempt is a link");
    assert_eq!(error.permanence, Permanence::Permanent, "{error}");
}

#[test]
fn a_missing_folder_of_all_jobs_is_the_machines_fault() {
    let files = JobFiles::new("/nonexistent/jobs");
    assert_eq!(files.open(&file("a.db")).expect_err("nothing there").permanence, Permanence::Transient);
}

#[test]
fn the_reader_is_given_what_it_needs() {
    let w = World::new();
    let (deep, made) = (w.attempt().join("sub"), w.attempt().join("sub/a.db"));
    fs::write(&made, "abc").expect("written");
    for (path, mode) in [(&made, 0o000), (&deep, 0o300)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("set");
    }
    w.files.make_readable(&file("sub/a.db")).expect("readable");
    let mode = |path: &PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&made), mode(&deep) & PASSABLE), (0o440, PASSABLE));
}
