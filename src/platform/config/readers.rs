//! Whether the suite's users can read a file, by the modes and access lists of the file and of every folder above it:
//! root, who checks, can read all.
use crate::platform::access_list::AccessList;
use nix::unistd::{Gid, Uid, User, getgrouplist};
use std::ffi::CString;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The users that read the configuration.
pub const READERS: [&str; 2] = ["ringrift", "ringrift-master"];

/// A user with his groups.
#[derive(Debug, Clone)]
pub struct Reader {
    /// His name.
    pub name: String,
    uid: u32,
    groups: Vec<u32>,
}

impl Reader {
    /// The user, if this system has him.
    pub fn find(name: &str) -> Option<Reader> {
        let user = User::from_name(name).ok().flatten()?;
        Some(Reader {
            name: name.into(),
            uid: user.uid.as_raw(),
            groups: groups(&user).into_iter().map(Gid::as_raw).collect(),
        })
    }

    /// Those of `READERS` whom this system has.
    pub fn all() -> Vec<Reader> {
        READERS.into_iter().filter_map(Reader::find).collect()
    }

    /// What keeps him from reading the file: a path and its mode. Nothing, where he can read it or it cannot be looked
    /// at.
    pub fn barred_from(&self, file: &Path) -> Option<String> {
        let real = file.canonicalize().ok()?;
        let closed = |path: &Path, wanted: u32| {
            let meta = std::fs::metadata(path).ok()?;
            let (may, list) = match AccessList::of(path) {
                Some(list) => {
                    let given = list.gives(self.uid, &self.groups, meta.uid(), meta.gid(), wanted);
                    (self.uid == 0 || given, " and an access list (getfacl)")
                }
                None => (self.may(meta.uid(), meta.gid(), meta.mode(), wanted), ""),
            };
            (!may).then(|| format!("{} has mode {:04o}{list}", path.display(), meta.mode() & 0o7777))
        };
        let folders = real.ancestors().skip(1).collect::<Vec<_>>();
        folders.into_iter().rev().find_map(|folder| closed(folder, 1)).or_else(|| closed(&real, 4))
    }

    fn may(&self, owner: u32, group: u32, mode: u32, wanted: u32) -> bool {
        let shift = match () {
            () if self.uid == Uid::from_raw(0).as_raw() => return true,
            () if self.uid == owner => 6,
            () if self.groups.contains(&group) => 3,
            () => 0,
        };
        mode >> shift & wanted == wanted
    }
}

fn groups(user: &User) -> Vec<Gid> {
    let name = CString::new(user.name.as_str()).unwrap_or_default();
    getgrouplist(&name, user.gid).unwrap_or_else(|_| vec![user.gid])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn owner_group_and_others_are_judged_like_the_kernel_does() {
        let reader = Reader { name: "x".into(), uid: 7, groups: vec![8, 9] };
        for (owner, group, mode, wanted, may) in [
            (7, 1, 0o400, 4, true),
            (7, 8, 0o044, 4, false), // the owner's bits alone count for the owner
            (1, 9, 0o040, 4, true),
            (1, 9, 0o604, 4, false),
            (1, 1, 0o004, 4, true),
            (1, 1, 0o640, 4, false),
            (1, 1, 0o701, 1, true),
        ] {
            assert_eq!(reader.may(owner, group, mode, wanted), may, "{owner} {group} {mode:o}");
        }
    }

    #[test]
    fn what_is_closed_is_named() {
        let root = tempfile::tempdir().expect("a folder");
        let stranger = Reader { name: "x".into(), uid: 4_000_000_000, groups: vec![] };
        let (folder, file) = (root.path().join("conf.d"), root.path().join("conf.d/a.yaml"));
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(&file, "").expect("written");
        let mode =
            |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
        mode(root.path(), 0o755);
        mode(&folder, 0o755);
        mode(&file, 0o644);
        assert_eq!(stranger.barred_from(&file), None);
        mode(&file, 0o600);
        assert!(stranger.barred_from(&file).expect("barred").ends_with("a.yaml has mode 0600"));
        mode(&file, 0o644);
        mode(&folder, 0o750);
        assert!(stranger.barred_from(&file).expect("barred").ends_with("conf.d has mode 0750"));
    }
}
