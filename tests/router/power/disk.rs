//! What a power cut leaves of a directory: the journal of the shim played over what was there, with the syncs taken at
//! their word and nothing else.
use crate::torture::Random;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const SECTOR: usize = 512;

/// A write that may not be on the disk yet.
#[derive(Debug)]
enum Write {
    Bytes { at: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Write {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Write::Bytes { at, bytes } => put(content, *at, bytes),
            Write::Length(length) => content.resize(*length, 0),
        }
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A file by what was synced of it and what was not; `record` is the place of the write in the journal.
#[derive(Debug, Default)]
struct File {
    synced: Vec<u8>,
    unsynced: Vec<(u64, Write)>,
}

/// A change of the directory that may not be on the disk yet.
#[derive(Debug)]
enum Name {
    Made(PathBuf, usize),
    Moved(PathBuf, PathBuf),
    Gone(PathBuf),
}

/// What a cut did, for the report.
#[derive(Debug, Default, Clone, Copy)]
pub struct Damage {
    pub dropped: usize,
    pub torn: usize,
    pub kept: usize,
    pub names_dropped: usize,
}

impl Damage {
    pub fn add(&mut self, more: Damage) {
        self.dropped += more.dropped;
        self.torn += more.torn;
        self.kept += more.kept;
        self.names_dropped += more.names_dropped;
    }
}

/// A directory and its files on their way to the disk.
#[derive(Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    unsynced_names: Vec<(u64, Name)>,
    open: BTreeMap<u32, Open>,
}

#[derive(Debug, Clone)]
enum Open {
    File(usize),
    Directory,
}

fn apply_name(names: &mut BTreeMap<PathBuf, usize>, change: &Name) {
    match change {
        Name::Made(path, file) => drop(names.insert(path.clone(), *file)),
        Name::Moved(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
        Name::Gone(path) => drop(names.remove(path)),
    }
}

impl Disk {
    /// A directory all of which is on the disk.
    pub fn of(directory: &Path) -> Disk {
        let mut disk = Disk::default();
        for entry in std::fs::read_dir(directory).expect("the directory") {
            let path = entry.expect("an entry").path();
            disk.files.push(File { synced: std::fs::read(&path).expect("a file"), unsynced: Vec::new() });
            disk.names.insert(path, disk.files.len() - 1);
        }
        disk.synced_names = disk.names.clone();
        disk
    }

    /// Plays a journal.
    pub fn play(&mut self, mut journal: &[u8]) {
        let mut record = 0;
        while let Some(head) = journal.get(..17) {
            let number = |range: std::ops::Range<usize>| {
                head[range].iter().rev().fold(0u64, |n, byte| n << 8 | u64::from(*byte))
            };
            let (kind, handle, value) = (head[0], number(1..5) as u32, number(5..13));
            let Some(bytes) = journal.get(17..17 + number(13..17) as usize) else { break };
            self.step(record, kind, handle, value, bytes);
            record += 1;
            journal = &journal[17 + bytes.len()..];
        }
    }

    fn step(&mut self, record: u64, kind: u8, handle: u32, value: u64, bytes: &[u8]) {
        let path = |bytes: &[u8]| PathBuf::from(String::from_utf8(bytes.to_vec()).expect("a path"));
        match kind {
            b'O' => self.opened(record, handle, path(bytes), value),
            b'W' => self.written(record, handle, Write::Bytes { at: value as usize, bytes: bytes.to_vec() }),
            b'T' => self.written(record, handle, Write::Length(value as usize)),
            b'S' => self.synced(handle, value),
            b'U' => self.named(record, Name::Gone(path(bytes))),
            b'R' => {
                let nul = bytes.iter().position(|b| *b == 0).expect("two names");
                self.named(record, Name::Moved(path(&bytes[..nul]), path(&bytes[nul + 1..])));
            }
            other => panic!("no such record: {other}"),
        }
    }

    fn opened(&mut self, record: u64, handle: u32, path: PathBuf, bits: u64) {
        if bits & 1 != 0 || (!path.is_dir() && !self.names.contains_key(&path)) {
            self.files.push(File::default());
            self.named(record, Name::Made(path.clone(), self.files.len() - 1));
        }
        let open = self.names.get(&path).map_or(Open::Directory, |file| Open::File(*file));
        self.open.insert(handle, open);
        if bits & 2 != 0 {
            self.written(record, handle, Write::Length(0));
        }
    }

    fn named(&mut self, record: u64, change: Name) {
        apply_name(&mut self.names, &change);
        self.unsynced_names.push((record, change));
    }

    fn written(&mut self, record: u64, handle: u32, write: Write) {
        if let Some(Open::File(file)) = self.open.get(&handle) {
            self.files[*file].unsynced.push((record, write));
        }
    }

    fn synced(&mut self, handle: u32, before: u64) {
        match self.open.get(&handle) {
            Some(Open::File(at)) => {
                let file = &mut self.files[*at];
                let later = file.unsynced.partition_point(|(record, _)| *record < before);
                for (_, write) in file.unsynced.drain(..later) {
                    write.apply(&mut file.synced);
                }
            }
            // One directory is watched, so it is that one.
            Some(Open::Directory) => {
                let later = self.unsynced_names.partition_point(|(record, _)| *record < before);
                for (_, change) in self.unsynced_names.drain(..later) {
                    apply_name(&mut self.synced_names, &change);
                }
            }
            None => {}
        }
    }

    /// The cut: of all that was not synced a random part is on the disk, in any order, the rest is not; a write may be
    /// there for some of its sectors only. The directory is made to hold that and nothing else.
    pub fn cut(mut self, directory: &Path, random: &mut Random) -> Damage {
        let mut damage = Damage::default();
        for (_, change) in &self.unsynced_names {
            if random.below(2) == 0 {
                apply_name(&mut self.synced_names, change);
            } else {
                damage.names_dropped += 1;
            }
        }
        for file in &mut self.files {
            for (_, write) in file.unsynced.drain(..) {
                match (random.below(3), &write) {
                    (0, _) => damage.dropped += 1,
                    (1, Write::Bytes { at, bytes }) => {
                        damage.torn += 1;
                        tear(&mut file.synced, *at, bytes, random);
                    }
                    _ => {
                        damage.kept += 1;
                        write.apply(&mut file.synced);
                    }
                }
            }
        }
        std::fs::remove_dir_all(directory).expect("the old state goes");
        std::fs::create_dir(directory).expect("the directory");
        for (path, file) in &self.synced_names {
            std::fs::write(path, &self.files[*file].synced).expect("a file of the new state");
        }
        damage
    }
}

fn tear(content: &mut Vec<u8>, at: usize, bytes: &[u8], random: &mut Random) {
    let mut done = 0;
    while done < bytes.len() {
        let end = bytes.len().min(done + SECTOR - (at + done) % SECTOR);
        if random.below(2) == 0 {
            put(content, at + done, &bytes[done..end]);
        }
        done = end;
    }
}

#[test]
fn what_was_synced_is_there_and_the_rest_may_be() {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, other) = (directory.path().join("a"), directory.path().join("b"));
    std::fs::write(&file, b"old").expect("a file");
    let mut outcomes = std::collections::BTreeSet::new();
    for seed in 0..64 {
        std::fs::write(&file, b"old").expect("a file");
        let _ = std::fs::remove_file(&other);
        let mut disk = Disk::of(directory.path());
        disk.opened(0, 1, file.clone(), 0);
        disk.opened(1, 2, other.clone(), 1);
        disk.written(2, 1, Write::Bytes { at: 0, bytes: b"new".to_vec() });
        disk.synced(1, 3);
        disk.written(4, 1, Write::Bytes { at: 3, bytes: vec![b'x'; 1024] });
        // The sync began before the write.
        disk.synced(1, 4);
        disk.cut(directory.path(), &mut Random(seed));
        let content = std::fs::read(&file).expect("it was there before");
        assert_eq!(&content[..3], b"new");
        outcomes.insert((content.len(), content[3..].iter().filter(|b| **b == b'x').count(), other.exists()));
    }
    for wanted in [(3, 0, true), (3, 0, false), (1027, 1024, true), (1027, 515, false)] {
        assert!(outcomes.contains(&wanted), "{wanted:?} is not among {outcomes:?}");
    }
}
