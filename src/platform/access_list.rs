//! Access lists of files (POSIX.1e), as Linux keeps them beside the mode: whom they let read and write.
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The attribute, and the version of its layout.
const NAME: &std::ffi::CStr = c"system.posix_acl_access";
const VERSION: u32 = 2;
/// The longest list that is read, bytes: more than a thousand entries.
const MAX_BYTES: usize = 16 * 1024;

/// Whom an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The file's owner.
    Owner,
    /// This user.
    User(u32),
    /// The file's group.
    OwnGroup,
    /// This group.
    Group(u32),
    /// Everybody else.
    Others,
}

/// An access list with its mask applied: who has which of the bits 4, 2 and 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessList(Vec<(Who, u32)>);

impl AccessList {
    /// Of a file that has one; a mode that says all is none.
    pub fn of(path: &Path) -> Option<AccessList> {
        let path = CString::new(path.as_os_str().as_bytes()).ok()?;
        let mut bytes = vec![0; MAX_BYTES];
        // SAFETY: both names end with NUL, and the buffer has the length that is given.
        let length =
            unsafe { nix::libc::getxattr(path.as_ptr(), NAME.as_ptr(), bytes.as_mut_ptr().cast(), bytes.len()) };
        bytes.truncate(usize::try_from(length).ok()?);
        AccessList::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Option<AccessList> {
        let (version, rest) = bytes.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*version) != VERSION {
            return None;
        }
        let (mut found, mut mask) = (Vec::new(), 7);
        for entry in rest.chunks_exact(8) {
            let (tag, bits) =
                (u16::from_le_bytes([entry[0], entry[1]]), u32::from(u16::from_le_bytes([entry[2], entry[3]])));
            let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
            match tag {
                0x01 => found.push((Who::Owner, bits)),
                0x02 => found.push((Who::User(id), bits)),
                0x04 => found.push((Who::OwnGroup, bits)),
                0x08 => found.push((Who::Group(id), bits)),
                0x10 => mask = bits,
                0x20 => found.push((Who::Others, bits)),
                _ => return None,
            }
        }
        let masked = |who| matches!(who, Who::User(_) | Who::OwnGroup | Who::Group(_));
        Some(AccessList(
            found.into_iter().map(|(who, bits)| (who, if masked(who) { bits & mask } else { bits })).collect(),
        ))
    }

    /// Whether a user in these groups has these bits of a file of this owner and group, judged as the kernel does.
    pub fn gives(&self, user: u32, groups: &[u32], owner: u32, group: u32, wanted: u32) -> bool {
        let bits = |who: Who| self.0.iter().find(|(w, _)| *w == who).map(|(_, bits)| *bits);
        let has = |bits: u32| bits & wanted == wanted;
        if user == owner {
            return bits(Who::Owner).is_some_and(has);
        }
        if let Some(bits) = bits(Who::User(user)) {
            return has(bits);
        }
        let his = |who: &Who| match who {
            Who::OwnGroup => groups.contains(&group),
            Who::Group(id) => groups.contains(id),
            _ => false,
        };
        let of_groups: Vec<u32> = self.0.iter().filter(|(who, _)| his(who)).map(|(_, bits)| *bits).collect();
        match of_groups.is_empty() {
            true => bits(Who::Others).is_some_and(has),
            false => of_groups.into_iter().any(has),
        }
    }

    /// Who beside the owner may write.
    pub fn writers(&self) -> impl Iterator<Item = Who> {
        self.0.iter().filter(|(who, bits)| *who != Who::Owner && bits & 2 != 0).map(|(who, _)| *who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16, u32)]) -> AccessList {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        for (tag, bits, id) in entries {
            bytes.extend(tag.to_le_bytes().into_iter().chain(bits.to_le_bytes()).chain(id.to_le_bytes()));
        }
        AccessList::parse(&bytes).expect("a list")
    }

    #[test]
    fn users_and_groups_are_judged_as_the_kernel_does() {
        let acl = list(&[(1, 6, 0), (2, 6, 7), (2, 0, 8), (4, 0, 0), (8, 4, 50), (0x10, 4, 0), (0x20, 4, 0)]);
        let may = |user: u32, groups: &[u32], wanted: u32| acl.gives(user, groups, 1, 10, wanted);
        assert!(may(1, &[], 6), "the owner");
        assert!(may(7, &[], 4) && !may(7, &[], 2), "a named user, within the mask");
        assert!(!may(8, &[50], 4), "a named user that gets nothing");
        assert!(!may(9, &[10], 4), "the group gets nothing, and its members are no others");
        assert!(may(9, &[10, 50], 4), "one of his groups is enough");
        assert!(may(9, &[], 4) && !may(9, &[], 2), "others");
        assert_eq!(acl.writers().count(), 0);
        let open = list(&[(1, 6, 0), (2, 6, 7), (4, 4, 0), (0x10, 6, 0), (0x20, 0, 0)]);
        assert_eq!(open.writers().collect::<Vec<_>>(), [Who::User(7)]);
        assert_eq!(AccessList::parse(&[1, 0, 0, 0]), None);
    }
}
