//! What lies in the spool folder and what is to be done with each entry: jobs may put anything there, in any number.
use crate::coordinator::speakers::is_ours;
use crate::platform::replace::drafted;
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The largest result that is read, bytes.
pub const LARGEST: u64 = 4 << 20;
/// Entries that one scan looks at; the folder is scanned again for what is left.
const MAX_LISTED: usize = 100_000;
/// Results of one user that wait at once. An attempt leaves one.
const MAX_OF_OWNER: usize = 16;
/// Bytes of them together.
const MAX_OWNER_BYTES: u64 = 16 << 20;
/// Results that one scan reads, and their bytes.
const MAX_READ: usize = 256;
const MAX_READ_BYTES: u64 = 64 << 20;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file with one name.
    File,
    /// A folder.
    Folder,
    /// A link, a file with several names, a FIFO, a socket, a device.
    Other,
}

/// An entry as one look found it. Two that are equal are the same entry, unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its name in the folder.
    pub name: OsString,
    /// Who owns it.
    pub uid: u32,
    /// What it is.
    pub kind: Kind,
    /// Its size.
    pub bytes: u64,
    /// The inode and its last change, seconds and nanoseconds since 1970.
    pub identity: (u64, i64, i64),
}

/// What becomes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is read and applied.
    Read,
    /// It stays: it is somebody else's, or is being written.
    Stay,
    /// It stays until the next scan.
    Later,
    /// It is of no use, for this reason.
    Bad(&'static str),
}

/// The entries of a folder, in the order of their names, and whether there are more.
pub fn list(dir: &Path) -> io::Result<(Vec<Entry>, bool)> {
    let mut entries = Vec::new();
    let mut found = fs::read_dir(dir)?;
    for entry in found.by_ref().take(MAX_LISTED) {
        let name = entry?.file_name();
        let meta = match fs::symlink_metadata(dir.join(&name)) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let kind = match () {
            () if meta.is_dir() => Kind::Folder,
            () if meta.is_file() && meta.nlink() == 1 => Kind::File,
            () => Kind::Other,
        };
        let identity = (meta.ino(), meta.mtime(), meta.mtime_nsec());
        entries.push(Entry { name, uid: meta.uid(), kind, bytes: meta.len(), identity });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((entries, found.next().is_some()))
}

fn is_result(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("finish-") && name.ends_with(".json"))
}

/// Whether a writer may still be at work on it; it is renamed when it is whole.
fn is_temporary(name: &OsStr) -> bool {
    name.to_str().and_then(drafted).is_some_and(|name| is_result(OsStr::new(name)))
}

/// Judges every entry. `known` are those that could not be set aside: they are told once and count for nothing.
pub fn judge(entries: Vec<Entry>, known: &HashSet<Entry>) -> Vec<(Entry, Fate)> {
    let mut owners: HashMap<u32, (usize, u64)> = HashMap::new();
    let mut read = (0, 0);
    let fates = entries.into_iter().map(|entry| {
        let fate = if known.contains(&entry) { Fate::Stay } else { fate(&entry, &mut owners, &mut read) };
        (entry, fate)
    });
    fates.collect()
}

fn fate(entry: &Entry, owners: &mut HashMap<u32, (usize, u64)>, read: &mut (usize, u64)) -> Fate {
    let (ours, result) = (is_ours(entry.uid), is_result(&entry.name));
    if !result && ours {
        return Fate::Stay;
    }
    if !result && !is_temporary(&entry.name) {
        return Fate::Bad("its name is not that of a result");
    }
    if entry.kind != Kind::File || entry.bytes > LARGEST {
        return Fate::Bad("it is no regular file of one name and at most 4 MiB");
    }
    if !ours && add(owners.entry(entry.uid).or_default(), entry.bytes, (MAX_OF_OWNER, MAX_OWNER_BYTES)) {
        return Fate::Bad("its owner has more than 16 results or 16 MiB waiting");
    }
    match result {
        false => Fate::Stay,
        true if add(read, entry.bytes, (MAX_READ, MAX_READ_BYTES)) => Fate::Later,
        true => Fate::Read,
    }
}

/// Adds one more of so many bytes; whether that is beyond the limits.
fn add(used: &mut (usize, u64), bytes: u64, most: (usize, u64)) -> bool {
    *used = (used.0 + 1, used.1.saturating_add(bytes));
    used.0 > most.0 || used.1 > most.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::replace::draft;

    fn entry(name: &str, uid: u32, kind: Kind, bytes: u64) -> Entry {
        Entry { name: name.into(), uid, kind, bytes, identity: (1, 2, 3) }
    }

    /// What a writer is at work on, by the name that it really has.
    fn being_written(job: u32, kind: Kind) -> Entry {
        entry(&draft(Path::new("finish-1.json")).to_string_lossy(), job, kind, 1)
    }

    fn fates(entries: &[Entry]) -> Vec<Fate> {
        judge(entries.to_vec(), &HashSet::new()).into_iter().map(|(_, fate)| fate).collect()
    }

    #[test]
    fn what_is_no_result_is_bad_if_a_job_put_it_there_and_stays_if_we_did() {
        let job = 61_184;
        for bad in [
            entry("garbage", job, Kind::File, 1),
            entry("finish-1.json", job, Kind::Folder, 1),
            entry("finish-1.json", job, Kind::Other, 1),
            entry("finish-1.json", job, Kind::File, LARGEST + 1),
            entry("failures", job, Kind::Folder, 1),
            being_written(job, Kind::Folder),
        ] {
            assert!(matches!(fates(std::slice::from_ref(&bad))[0], Fate::Bad(_)), "{bad:?}");
        }
        assert_eq!(fates(&[entry("bad", 0, Kind::Folder, 1), being_written(job, Kind::File)]), [Fate::Stay; 2]);
    }

    #[test]
    fn one_owner_has_sixteen_and_takes_nothing_from_another() {
        let many = |uid: u32, count: usize, bytes: u64| (0..count).map(move |n| entry(&format!("finish-{n}.json"), uid, Kind::File, bytes));
        let all: Vec<Entry> = many(61_184, 1000, 1).chain(many(61_185, 1, 1)).chain(many(61_186, 10, 4 << 20)).collect();
        let fates = fates(&all);
        let read = |range: std::ops::Range<usize>| fates[range].iter().filter(|fate| **fate == Fate::Read).count();
        assert_eq!((read(0..1000), read(1000..1001), read(1001..1011)), (16, 1, 4));
        assert!(!fates.contains(&Fate::Later) && fates[16..1000].iter().all(|fate| matches!(fate, Fate::Bad(_))));
    }

    #[test]
    fn a_scan_reads_a_bounded_number_and_leaves_the_rest_for_the_next() {
        let all: Vec<Entry> = (0..300).map(|n| entry("finish-1.json", 61_184 + n, Kind::File, 1)).collect();
        assert_eq!(fates(&all).iter().filter(|fate| **fate == Fate::Later).count(), 300 - MAX_READ);
    }

    #[test]
    fn what_could_not_be_set_aside_is_known_until_it_changes() {
        let stuck = entry("finish-1.json", 61_184, Kind::Folder, 1);
        let known = HashSet::from([stuck.clone()]);
        assert_eq!(judge(vec![stuck.clone()], &known)[0].1, Fate::Stay);
        let changed = Entry { identity: (1, 2, 4), ..stuck };
        assert!(matches!(judge(vec![changed], &known)[0].1, Fate::Bad(_)));
    }
}
