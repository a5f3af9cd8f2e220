//! The emergency flag files: looking whether they are there, with as few rights as a daemon has.
use super::watch::peek;
use crate::contract::coordinator::Flag;
use crate::contract::text::Block;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Of a flag file's text, bytes.
const ENOUGH: u64 = 4096;

/// What a look at flag files found.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Looked {
    /// Flags that are there.
    pub flags: Vec<Flag>,
    /// Flags of which nobody can say from here whether they are there, each with the reason.
    pub blind: Vec<(String, String)>,
}

/// Looks at each path.
pub fn look(paths: &[PathBuf]) -> Looked {
    let mut looked = Looked::default();
    for path in paths {
        let shown = path.display().to_string();
        match text(path) {
            Ok(Some(text)) => looked.flags.push(Flag { path: shown, text }),
            Ok(None) => {}
            Err(error) => looked.blind.push((shown, error.to_string())),
        }
    }
    looked
}

/// What a flag file says; nothing when there is none. An error: it cannot be seen whether there is one.
pub fn text(path: &Path) -> io::Result<Option<String>> {
    match path.symlink_metadata() {
        Ok(_) => {
            // One that cannot be read, or is no file, is a flag all the same.
            let text = peek(path, ENOUGH).ok().flatten().unwrap_or_default();
            Ok(Some(Block::new(text).into()))
        }
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_there_is_not_there_or_cannot_be_seen() {
        let dir = tempfile::tempdir().expect("a directory");
        let (there, absent) = (dir.path().join("there"), dir.path().join("absent"));
        std::fs::write(&there, "smoke").expect("written");
        // A name that is too long is an error of another kind than an absent one, for every user.
        let unseen = dir.path().join("x".repeat(300));
        let looked = look(&[there.clone(), absent, unseen.clone()]);
        assert_eq!(looked.flags, [Flag { path: there.display().to_string(), text: "smoke".into() }]);
        assert_eq!(looked.blind.len(), 1);
        assert_eq!(looked.blind[0].0, unseen.display().to_string());
    }
}
