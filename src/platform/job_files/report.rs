//! The report that a job's runner leaves in the job's directory when it cannot hand it in. The directory is the
//! coordinator's, what lies in it is the job's: anything may bear the report's name.
use super::{JobFileError, JobFiles, permanence, unfit};
use crate::contract::error::Permanence;
use crate::contract::ids::JobId;
use crate::contract::job_file::{MAX_REPORT_BYTES, REPORT};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, fstat};
use std::fs::File;
use std::io::Read;

impl JobFiles {
    /// What the report says, if there is one: a regular file of one name, of one of these users, not too large.
    pub fn report(&self, job: &JobId, uids: &[u32]) -> Result<Option<Vec<u8>>, JobFileError> {
        let path = self.root.join(job.as_str()).join(REPORT).display().to_string();
        let refused = |why: String| JobFileError { path: path.clone(), why, permanence: Permanence::Permanent };
        let failed = |doing: &str, e: Errno| JobFileError {
            permanence: permanence(e),
            ..refused(format!("{doing}: {}", e.desc()))
        };
        let folder = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let all = openat(AT_FDCWD, &self.root, folder, Mode::empty())
            .map_err(|e| failed("opening the jobs' directory", e))?;
        let own = match openat(&all, job.as_str(), folder | OFlag::O_NOFOLLOW, Mode::empty()) {
            Ok(own) => own,
            Err(Errno::ENOENT) => return Ok(None),
            Err(e) => return Err(failed("opening the job's directory", e)),
        };
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let opened = match openat(&own, REPORT, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::ENOENT) => return Ok(None),
            Err(e) => return Err(failed("opening it", e)),
        };
        let stat = fstat(&opened).map_err(|e| failed("looking at it", e))?;
        if let Some(why) = unfit(&stat, uids) {
            return Err(refused(why));
        }
        let mut text = Vec::new();
        let read = File::from(opened).take(MAX_REPORT_BYTES + 1).read_to_end(&mut text);
        let read = read.map_err(|e| failed("reading it", Errno::from_raw(e.raw_os_error().unwrap_or(0))))?;
        match u64::try_from(read).is_ok_and(|bytes| bytes <= MAX_REPORT_BYTES) {
            true => Ok(Some(text)),
            false => Err(refused(format!("has more than {MAX_REPORT_BYTES} bytes"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::{geteuid, mkfifo};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn read(root: &Path) -> Result<Option<Vec<u8>>, JobFileError> {
        JobFiles::new(root).report(&JobId::new("t-1").expect("an id"), &[geteuid().as_raw()])
    }

    #[test]
    fn a_report_is_read_if_it_is_the_jobs_and_there() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(read(dir.path()).is_ok_and(|text| text.is_none()), "no folder is no report");
        fs::create_dir(dir.path().join("t-1")).expect("made");
        assert!(read(dir.path()).is_ok_and(|text| text.is_none()));
        fs::write(dir.path().join("t-1").join(REPORT), "{}").expect("written");
        assert_eq!(read(dir.path()).expect("read").as_deref(), Some(&b"{}"[..]));
        let stranger = [geteuid().as_raw() + 1];
        let error = JobFiles::new(dir.path())
            .report(&JobId::new("t-1").expect("an id"), &stranger)
            .expect_err("a foreign file");
        assert!(error.why.contains("not to the job"), "{error}");
    }

    #[test]
    fn whatever_else_bears_its_name_is_refused_at_once() {
        type Make = fn(&Path);
        let table: [(&str, Make); 6] = [
            ("a link", |at| symlink("/etc/hostname", at).expect("linked")),
            ("a FIFO", |at| mkfifo(at, Mode::from_bits_truncate(0o600)).expect("made")),
            ("a folder", |at| fs::create_dir(at).expect("made")),
            ("a socket", |at| drop(std::os::unix::net::UnixListener::bind(at).expect("bound"))),
            ("a second name", |at| {
                fs::write(at.with_extension("other"), "{}").expect("written");
                fs::hard_link(at.with_extension("other"), at).expect("linked");
            }),
            ("a huge file", |at| File::create(at).and_then(|file| file.set_len(MAX_REPORT_BYTES + 1)).expect("made")),
        ];
        for (what, make) in table {
            let dir = tempfile::tempdir().expect("a directory");
            fs::create_dir(dir.path().join("t-1")).expect("made");
            make(&dir.path().join("t-1").join(REPORT));
            assert!(read(dir.path()).is_err_and(|error| error.permanence == Permanence::Permanent), "{what}");
        }
        let (dir, elsewhere) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        fs::write(elsewhere.path().join(REPORT), "{}").expect("written");
        symlink(elsewhere.path(), dir.path().join("t-1")).expect("linked");
        assert!(read(dir.path()).is_err(), "the folder is a link");
    }
}
