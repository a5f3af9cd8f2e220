//! Whether the file of a listening socket is what its unit declares: without it the socket listens and nobody can reach
//! it.
use crate::contract::sockets::SOCKETS;
use std::fmt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Device and inode of a file.
pub type Id = (u64, u64);

/// What is wrong with a socket's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There is none.
    Gone,
    /// Something else lies in its place.
    NoSocket,
    /// Another socket took its place.
    Replaced,
    /// Not everybody who may connect can: this mode, instead of this one.
    Mode(u32, u32),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Gone => f.write_str("was deleted"),
            Trouble::NoSocket => f.write_str("is no longer a socket"),
            Trouble::Replaced => f.write_str("is replaced by another socket"),
            Trouble::Mode(found, wanted) => write!(f, "has mode {found:04o} instead of {wanted:04o}"),
        }
    }
}

/// Looks at the file of a socket: what it is, or what is wrong with it. `before` is what it was, where that is known.
pub fn look(path: &Path, mode: u32, before: Option<Id>) -> Result<Id, Trouble> {
    let Ok(found) = path.symlink_metadata() else { return Err(Trouble::Gone) };
    let id = (found.dev(), found.ino());
    match found.mode() & 0o777 {
        _ if !found.file_type().is_socket() => Err(Trouble::NoSocket),
        _ if before.is_some_and(|before| before != id) => Err(Trouble::Replaced),
        other if other != mode => Err(Trouble::Mode(other, mode)),
        _ => Ok(id),
    }
}

/// The file of a socket, as it was when the process began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFile {
    path: PathBuf,
    /// As it was, which a drop-in for its unit may have set; as declared where it was gone.
    mode: u32,
    /// Nothing: it was gone already.
    id: Option<Id>,
}

impl SocketFile {
    /// Of a listener that has one.
    pub fn of(listener: &UnixListener) -> Option<SocketFile> {
        let address = listener.local_addr().ok()?;
        let path = address.as_pathname()?;
        let found = path.symlink_metadata().ok().filter(|meta| meta.file_type().is_socket());
        let declared = SOCKETS.iter().find(|socket| Path::new(socket.path) == path).map(|socket| socket.mode);
        // A drop-in may have set another one, but none at which nobody can connect.
        let shown =
            found.as_ref().map(|meta| meta.mode() & 0o777).filter(|mode| declared.is_none() || mode & 0o066 != 0);
        let mode = shown.or(declared).unwrap_or(0);
        Some(SocketFile { path: path.to_owned(), mode, id: found.map(|meta| (meta.dev(), meta.ino())) })
    }

    /// What is wrong with it; nothing while it is the one that we listen at.
    pub fn trouble(&self) -> Option<String> {
        let shown = self.path.display();
        let trouble = match (look(&self.path, self.mode, self.id), self.id) {
            (Ok(_), Some(_)) => return None,
            (Ok(_), None) => Trouble::Replaced,
            (Err(trouble), _) => trouble,
        };
        Some(format!(
            "the socket file {shown} {trouble}: no new client can connect until the master has restarted the socket"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn whatever_is_not_the_socket_as_it_was_is_noticed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("hub.sock");
        let listener = UnixListener::bind(&path).expect("listens");
        let file = SocketFile::of(&listener).expect("it has a file");
        assert_eq!(file.trouble(), None);
        set_permissions(&path, Permissions::from_mode(0o000)).expect("set");
        assert!(file.trouble().is_some_and(|said| said.contains("has mode 0000")), "{:?}", file.trouble());
        set_permissions(&path, Permissions::from_mode(file.mode)).expect("set");
        assert_eq!(file.trouble(), None);
        std::fs::rename(&path, dir.path().join("kept")).expect("moved away");
        assert!(file.trouble().is_some_and(|said| said.contains("deleted")));
        std::fs::create_dir(&path).expect("made");
        assert!(file.trouble().is_some_and(|said| said.contains("no longer a socket")));
        std::fs::remove_dir(&path).expect("removed");
        let _other = UnixListener::bind(&path).expect("listens");
        assert!(file.trouble().is_some_and(|said| said.contains("replaced")));
    }
}
