//! The current models: one link a configuration, switched atomically after the file's hash was checked.
use crate::contract::ids::{ConfigKey, Digest};
use crate::contract::ports::{Current, Models};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The directory of links; self-play reads `<directory>/<config_key>`.
#[derive(Debug, Clone)]
pub struct CurrentModels {
    directory: PathBuf,
}

impl CurrentModels {
    /// The links in a directory, which must be there.
    pub fn new(directory: impl AsRef<Path>) -> CurrentModels {
        CurrentModels { directory: directory.as_ref().to_owned() }
    }
}

impl Current for CurrentModels {
    fn current(&self, key: &ConfigKey) -> Result<Option<Digest>, String> {
        let link = self.directory.join(key.as_str());
        let target = match std::fs::read_link(&link) {
            Ok(target) => target,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("reading the link {}: {e}", link.display())),
        };
        let name = target.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let digest =
            Digest::new(name).map_err(|e| format!("{} points to {}: {e}", link.display(), target.display()))?;
        Ok(Some(digest))
    }
}

impl Models for CurrentModels {
    fn switch(&self, key: &ConfigKey, model: &Digest, path: &str) -> Result<bool, String> {
        // A link that cannot be read is replaced.
        if self.current(key).ok().flatten().as_ref() == Some(model) {
            return Ok(false);
        }
        if Path::new(path).file_stem().and_then(|s| s.to_str()) != Some(model.as_str()) {
            return Err(format!("{path} is not named by the model's SHA-256 {model}"));
        }
        let found = sha256(Path::new(path)).map_err(|e| format!("reading {path}: {e}"))?;
        if found != model.as_str() {
            return Err(format!("{path} has SHA-256 {found} instead of {model}; the current model is unchanged"));
        }
        let link = self.directory.join(key.as_str());
        let fresh = self.directory.join(format!(".{key}.new"));
        let fail = |what: &'static str| move |e: std::io::Error| format!("{what}: {e}");
        match std::fs::remove_file(&fresh) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(format!("removing {}: {e}", fresh.display())),
        }
        std::os::unix::fs::symlink(path, &fresh).map_err(fail("creating the new link"))?;
        std::fs::rename(&fresh, &link).map_err(fail("switching the link"))?;
        File::open(&self.directory).and_then(|d| d.sync_all()).map_err(fail("syncing the directory of links"))?;
        Ok(true)
    }

    fn clear(&self, key: &ConfigKey) -> Result<bool, String> {
        let link = self.directory.join(key.as_str());
        match std::fs::remove_file(&link) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(format!("removing the link {}: {e}", link.display())),
        }
        File::open(&self.directory)
            .and_then(|d| d.sync_all())
            .map_err(|e| format!("syncing the directory of links: {e}"))?;
        Ok(true)
    }
}

/// SHA-256 of a file in hex.
fn sha256(path: &Path) -> std::io::Result<String> {
    use std::fmt::Write as _;
    // A path that somebody named may lead to anything: waiting for nobody, and only a file counts.
    let mut file = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    let mut hash = Sha256::new();
    let mut chunk = vec![0u8; 64 * 1024];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => hash.update(&chunk[..n]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(directory: &Path, content: &[u8]) -> (Digest, String) {
        let draft = directory.join("draft");
        std::fs::write(&draft, content).expect("writes");
        let digest = Digest::new(sha256(&draft).expect("hashes")).expect("a digest");
        let path = directory.join(format!("{digest}.safetensors"));
        std::fs::rename(&draft, &path).expect("renames");
        (digest, path.display().to_string())
    }

    #[test]
    fn the_link_follows_a_verified_file_and_no_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let models = CurrentModels::new(dir.path());
        let key = ConfigKey::new("square8_2p").expect("a key");
        assert_eq!(models.current(&key), Ok(None));
        let (first, first_path) = store(dir.path(), b"one");
        let (second, second_path) = store(dir.path(), b"two");
        assert_eq!(models.switch(&key, &first, &first_path), Ok(true));
        assert_eq!(models.switch(&key, &first, &first_path), Ok(false));
        assert_eq!(models.current(&key), Ok(Some(first.clone())));
        std::fs::write(&second_path, b"damaged").expect("writes");
        let error = models.switch(&key, &second, &second_path).expect_err("the hash is wrong");
        assert!(error.contains("instead of"), "{error}");
        assert_eq!(models.current(&key), Ok(Some(first)));
        assert_eq!(std::fs::read(dir.path().join("square8_2p")).expect("reads through the link"), b"one");
        assert_eq!((models.clear(&key), models.clear(&key)), (Ok(true), Ok(false)));
        assert_eq!(models.current(&key), Ok(None));
    }
}
