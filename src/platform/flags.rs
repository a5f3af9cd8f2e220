//! The emergency flag files: looking whether they are there and whose they are, with as few rights as a daemon has.
use super::watch::peek;
use crate::contract::coordinator::Flag;
use crate::contract::text::Block;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use std::ffi::CString;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Of a flag file's text, bytes.
const MAX_FLAG_BYTES: u64 = 4096;
/// Whose members may halt by a flag, beside root.
const ADMIN_GROUP: &str = "ringrift-admin";

/// What a look at flag files found.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct FlagScan {
    /// Flags that are there.
    pub flags: Vec<Flag>,
    /// Flags of which nobody can say from here whether they are there, each with the reason.
    pub blind: Vec<(String, String)>,
    /// Flags that count for nothing: of somebody who may not halt the suite, each with whose it is.
    pub foreign: Vec<(String, String)>,
}

/// Looks at each path.
pub fn look(paths: &[PathBuf]) -> FlagScan {
    let mut looked = FlagScan::default();
    for path in paths {
        let shown = path.display().to_string();
        match see(path) {
            Ok(FlagState::Set(text)) => looked.flags.push(Flag { path: shown, text }),
            Ok(FlagState::Foreign(owner)) => looked.foreign.push((shown, owner)),
            Ok(FlagState::Absent) => {}
            Err(error) => looked.blind.push((shown, error.to_string())),
        }
    }
    looked
}

/// What a flag file says; nothing when there is none that counts. An error: it cannot be seen whether there is one.
pub fn text(path: &Path) -> io::Result<Option<String>> {
    see(path).map(|seen| match seen {
        FlagState::Set(text) => Some(text),
        FlagState::Absent | FlagState::Foreign(_) => None,
    })
}

enum FlagState {
    Absent,
    Set(String),
    Foreign(String),
}

fn see(path: &Path) -> io::Result<FlagState> {
    let meta = match path.symlink_metadata() {
        Ok(meta) => meta,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(FlagState::Absent),
        Err(e) => return Err(e),
    };
    let owner = Uid::from_raw(meta.uid());
    if !may_halt(owner) {
        let user = User::from_uid(owner).ok().flatten();
        return Ok(FlagState::Foreign(user.map_or_else(|| format!("uid {owner}"), |u| format!("user {}", u.name))));
    }
    // One that cannot be read, or is no file, is a flag all the same.
    let text = peek(path, MAX_FLAG_BYTES).ok().flatten().unwrap_or_default();
    Ok(FlagState::Set(Block::new(text).into()))
}

/// Root, whoever we run as, and members of the administrators' group.
fn may_halt(owner: Uid) -> bool {
    if owner.is_root() || owner == Uid::effective() {
        return true;
    }
    let Ok(Some(group)) = Group::from_name(ADMIN_GROUP) else { return false };
    let Ok(Some(user)) = User::from_uid(owner) else { return false };
    groups(&user).is_some_and(|groups| groups.contains(&group.gid))
}

fn groups(user: &User) -> Option<Vec<Gid>> {
    getgrouplist(&CString::new(user.name.as_str()).ok()?, user.gid).ok()
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

    #[test]
    fn a_flag_counts_by_whose_it_is_and_not_by_what_it_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("EMERGENCY_HALT");
        assert_eq!(text(&path.join("below")).expect("seen"), None);
        std::os::unix::fs::symlink("/nowhere", &path).expect("linked");
        assert_eq!(text(&path).expect("seen"), Some(String::new()), "no file, and a flag all the same");
        if Uid::effective().is_root() {
            std::os::unix::fs::lchown(&path, Some(61_999), None).expect("given away");
            assert_eq!(text(&path).expect("seen"), None);
            assert_eq!(look(std::slice::from_ref(&path)).foreign, [(path.display().to_string(), "uid 61999".into())]);
        }
    }
}
