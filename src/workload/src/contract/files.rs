//! Files with an identity: hashing, and writing so that a reader sees all of a file or none of it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::failure::Failure;

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// SHA-256 of bytes, in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 and length of a file.
pub fn sha256_file(path: &Path) -> Result<(String, u64), Failure> {
    let fail = |e: std::io::Error| Failure::io("reading", path, &e);
    let mut file = File::open(path).map_err(fail)?;
    let (mut hasher, mut len, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let n = file.read(&mut buffer).map_err(fail)?;
        if n == 0 {
            return Ok((hex(&hasher.finalize()), len));
        }
        hasher.update(&buffer[..n]);
        len += n as u64;
    }
}

/// Writes a file through a temporary neighbour, fsync and rename.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let temp = temp_path(path);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temp)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|e| Failure::io("writing", &temp, &e))?;
    publish(&temp, path)
}

/// The temporary name that a file is written under.
pub fn temp_path(path: &Path) -> std::path::PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Renames a finished, synced temporary file to its name and syncs the folder.
pub fn publish(temp: &Path, path: &Path) -> Result<(), Failure> {
    std::fs::rename(temp, path).map_err(|e| Failure::io("renaming to", path, &e))?;
    sync_folder_of(path)
}

/// Syncs the folder of a file, so that the name survives a power cut.
pub fn sync_folder_of(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Failure::io("syncing", folder, &e))
}
