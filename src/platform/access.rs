//! Who may use a file of a job: its mode says it, and nothing beside the mode.
use std::ffi::CString;
use std::fs::{Permissions, set_permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Access lists, which can take from a group what the mode gives it.
const LISTS: [&std::ffi::CStr; 2] = [c"system.posix_acl_access", c"system.posix_acl_default"];
/// Set-user-id and sticky: with that a directory's files can be deleted by their owner alone. Set-group-id stays, as it
/// hands on the group.
const SPECIAL: u32 = 0o5000;

/// Gives these permissions beside those that there are, and takes access lists and special bits away. `mode` is the
/// present one.
pub fn grant(path: &Path, mode: u32, wanted: u32) -> io::Result<()> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    for list in LISTS {
        // SAFETY: both are texts that end with NUL and live for the call, which keeps neither.
        if unsafe { nix::libc::removexattr(name.as_ptr(), list.as_ptr()) } != 0 {
            let error = io::Error::last_os_error();
            // There is none, or the file system knows none.
            if !matches!(error.raw_os_error(), Some(nix::libc::ENODATA | nix::libc::EOPNOTSUPP)) {
                return Err(error);
            }
        }
    }
    match mode & wanted == wanted && mode & SPECIAL == 0 {
        true => Ok(()),
        false => set_permissions(path, Permissions::from_mode(mode & 0o2777 | wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("there").permissions().mode() & 0o7777
    }

    #[test]
    fn special_bits_go_and_permissions_come() {
        let folder = tempfile::tempdir().expect("a folder");
        for (before, wanted, after) in
            [(0o1770, 0o770, 0o770), (0o2700, 0o770, 0o2770), (0o755, 0o050, 0o755), (0o000, 0o660, 0o660)]
        {
            set_permissions(folder.path(), Permissions::from_mode(before)).expect("set");
            grant(folder.path(), before, wanted).expect("granted");
            assert_eq!(mode(folder.path()), after, "{before:o}");
        }
    }

    #[test]
    fn an_access_list_goes() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let name = CString::new(file.path().as_os_str().as_bytes()).expect("a name");
        // Version 2; owner rw-, group ---, mask rwx, others ---: the mode shows 0670, and the group may nothing.
        let entries: [(u16, u16); 4] = [(0x01, 6), (0x04, 0), (0x10, 7), (0x20, 0)];
        let mut list = 2u32.to_le_bytes().to_vec();
        for (tag, permissions) in entries {
            list.extend(tag.to_le_bytes().into_iter().chain(permissions.to_le_bytes()).chain(u32::MAX.to_le_bytes()));
        }
        // SAFETY: name and list live for the call, and the length is the list's.
        let set = unsafe { nix::libc::setxattr(name.as_ptr(), LISTS[0].as_ptr(), list.as_ptr().cast(), list.len(), 0) };
        if set != 0 {
            assert_eq!(io::Error::last_os_error().raw_os_error(), Some(nix::libc::EOPNOTSUPP));
            return;
        }
        grant(file.path(), mode(file.path()), 0o060).expect("granted");
        // SAFETY: as above; nothing is written without a buffer.
        let left = unsafe { nix::libc::getxattr(name.as_ptr(), LISTS[0].as_ptr(), std::ptr::null_mut(), 0) };
        assert_eq!((left, mode(file.path()) & 0o060), (-1, 0o060));
    }
}
