//! Taking a job's file over into the store: reflinked where the file system can, else copied; hashed, fsynced, renamed,
//! named by its hash.
use crate::contract::catalog::{self, ArtefactRecord};
use crate::contract::error::Permanence;
use crate::contract::job_file::JobFile;
use crate::contract::ports::StoreError;
use crate::platform::job_files::{JobFileError, JobFiles};
use crate::platform::space;
use crate::platform::threads;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

fn io_failed<'a>(operation: &'a str, path: &'a Path) -> impl Fn(io::Error) -> StoreError + 'a {
    move |e| {
        // If so, DISK_SPACE_MANAGER hears of it.
        let _ = space::is_full_io(&e);
        StoreError::Failed { operation: format!("{operation} {}", path.display()), why: e.to_string() }
    }
}

/// Where an artefact lies in the store.
fn place(store: &Path, record: &ArtefactRecord, source: &JobFile) -> PathBuf {
    store.join(catalog::place(&record.kind, &record.id, source.path.extension()))
}

impl From<JobFileError> for StoreError {
    fn from(error: JobFileError) -> Self {
        match error.permanence {
            Permanence::Permanent => StoreError::BadFile { path: error.path, why: error.why },
            Permanence::Transient => {
                StoreError::Failed { operation: format!("registering {}", error.path), why: error.why }
            }
        }
    }
}

/// A new part file, for its owner alone until it has been verified. One that a killed process left is recreated.
fn begin(temporary: &Path) -> io::Result<File> {
    match fs::remove_file(temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    File::options().write(true).create_new(true).mode(0o600).open(temporary)
}

nix::ioctl_write_int!(clone_file, 0x94, 9); // FICLONE of linux/fs.h

/// Shares the blocks of `from` with `to`. False where the file system cannot (ext4), or lies elsewhere.
fn reflink(from: &File, to: &File) -> bool {
    use std::os::fd::AsRawFd;
    let source = nix::libc::c_ulong::try_from(from.as_raw_fd());
    // SAFETY: both descriptors are open for the length of the call, which takes the second one by its number and keeps
    // nothing.
    source.is_ok_and(|source| unsafe { clone_file(to.as_raw_fd(), source) }.is_ok())
}

/// Brings the file into the store and returns its path there. A file that is there already was verified when it came.
pub(super) fn take_over(
    store: &Path,
    jobs: &JobFiles,
    record: &ArtefactRecord,
    source: &JobFile,
) -> Result<String, StoreError> {
    let target = place(store, record, source);
    let shown = target.display().to_string();
    if target.exists() {
        return Ok(shown);
    }
    let folder = store.join(&record.kind);
    fs::create_dir_all(&folder).map_err(io_failed("making", &folder))?;
    let temporary = folder.join(format!(".{}.part", record.id));
    let from = jobs.open(source)?;
    let mut to = begin(&temporary).map_err(io_failed("making", &temporary))?;
    if !reflink(&from, &to) {
        // Inside the kernel, where it can. A file that grows meanwhile fills no disk.
        io::copy(&mut from.take(record.bytes + 1), &mut to).map_err(io_failed("writing", &temporary))?;
    }
    let protecting = to.try_clone().map_err(io_failed("protecting", &temporary))?;
    // The disk writes while the processor reads.
    let syncing = threads::part("sync", move || to.sync_all()).map_err(io_failed("syncing", &temporary))?;
    // What is hashed is what the store keeps.
    let hashed = File::open(&temporary).and_then(hash).map_err(io_failed("reading", &temporary));
    let lost = || Err(io::Error::other("the sync thread has exited"));
    let synced = syncing.join().unwrap_or_else(|_| lost()).map_err(io_failed("syncing", &temporary));
    let (found, bytes) = hashed?;
    if found != record.id.as_str() || bytes != record.bytes {
        // Best effort: a leftover part file is overwritten by the next try.
        let _ = fs::remove_file(&temporary);
        let why = format!(
            "it has {bytes} bytes and SHA-256 {found}, but {} bytes and {} were reported",
            record.bytes, record.id
        );
        return Err(StoreError::BadFile { path: source.path.to_string(), why });
    }
    synced?;
    // It is what it was said to be: from here on everybody may read it.
    protecting.set_permissions(fs::Permissions::from_mode(0o444)).map_err(io_failed("protecting", &temporary))?;
    fs::rename(&temporary, &target).map_err(io_failed("renaming to", &target))?;
    File::open(&folder).and_then(|d| d.sync_all()).map_err(io_failed("syncing", &folder))?;
    Ok(shown)
}

/// SHA-256 and length of what is left of a file.
pub(super) fn hash(mut file: File) -> io::Result<(String, u64)> {
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0u64, vec![0u8; 1 << 17]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok((hex(&hash.finalize()), bytes)),
            n => {
                hash.update(&chunk[..n]);
                bytes += n as u64;
            }
        }
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_file_is_its_owners_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(".a.part");
        fs::write(&path, "left behind, open for all").expect("written");
        let made = begin(&path).expect("made").metadata().expect("there");
        assert_eq!((made.permissions().mode() & 0o777, made.len()), (0o600, 0));
    }
}
