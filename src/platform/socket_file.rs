//! Whether the file of a listening socket is still there: without it the socket listens and nobody can reach it.
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Whether a socket lies at the path.
pub fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.file_type().is_socket())
}

/// The file of a socket, as it was when the process began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode. Nothing: it was gone already.
    id: Option<(u64, u64)>,
}

fn id(path: &Path) -> Option<(u64, u64)> {
    path.symlink_metadata().ok().filter(|meta| meta.file_type().is_socket()).map(|meta| (meta.dev(), meta.ino()))
}

impl SocketFile {
    /// Of a listener that has one.
    pub fn of(listener: &UnixListener) -> Option<SocketFile> {
        let address = listener.local_addr().ok()?;
        let path = address.as_pathname()?;
        Some(SocketFile { path: path.to_owned(), id: id(path) })
    }

    /// What is wrong with it; nothing while it is the one that we listen at.
    pub fn trouble(&self) -> Option<String> {
        let shown = self.path.display();
        match id(&self.path) {
            None => Some(format!("the socket file {shown} was deleted: no new client reaches this hub until the master has mended it")),
            now if now == self.id => None,
            Some(_) => {
                Some(format!("another socket took the place of {shown}: no new client reaches this hub until the master has mended it"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_and_a_replaced_file_are_noticed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("hub.sock");
        let listener = UnixListener::bind(&path).expect("listens");
        let file = SocketFile::of(&listener).expect("it has a file");
        assert_eq!((file.trouble(), is_there(&path)), (None, true));
        std::fs::rename(&path, dir.path().join("kept")).expect("moved away");
        assert!(file.trouble().is_some_and(|said| said.contains("deleted")));
        std::fs::write(&path, "no socket").expect("written");
        assert!(file.trouble().is_some() && !is_there(&path));
        std::fs::remove_file(&path).expect("removed");
        let _other = UnixListener::bind(&path).expect("listens");
        assert!(file.trouble().is_some_and(|said| said.contains("another socket")));
    }
}
