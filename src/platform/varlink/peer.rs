//! Who is at the other end of a socket, as the kernel says: user, groups and process at the time of connecting.
use crate::contract::rights::{Class, Need};
use nix::libc;
use nix::unistd::{Group, Uid, User};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::OnceLock;

/// Most groups of a user that Linux knows; more is no answer of a kernel.
const MAX_GROUPS: usize = 65_536;

/// The credentials of the other end, taken by the kernel when it connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// User.
    pub uid: u32,
    /// All groups: the main one first, then the supplementary ones.
    pub gids: Vec<u32>,
    /// Process; it may be gone, and its number another's. No identity, only a hint for people.
    pub pid: i32,
}

impl Peer {
    /// Asks the kernel. An error means that nothing is known of the other end: turn it away.
    pub fn of(socket: &impl AsFd) -> io::Result<Peer> {
        let socket = socket.as_fd();
        let c = nix::sys::socket::getsockopt(&socket, nix::sys::socket::sockopt::PeerCredentials)?;
        let mut gids = vec![c.gid()];
        gids.extend(groups(socket.as_raw_fd())?.into_iter().filter(|gid| *gid != c.gid()));
        Ok(Peer { uid: c.uid(), gids, pid: c.pid() })
    }

    /// The user's name, or its number where it has none.
    pub fn name(&self) -> String {
        let user = User::from_uid(Uid::from_raw(self.uid)).ok().flatten();
        user.map_or_else(|| format!("uid {}", self.uid), |u| u.name)
    }
}

/// The supplementary groups, by SO_PEERGROUPS.
fn groups(socket: i32) -> io::Result<Vec<u32>> {
    let mut gids = vec![0u32; 64];
    loop {
        let mut bytes = libc::socklen_t::try_from(size_of_val(&gids[..])).map_err(io::Error::other)?;
        // SAFETY: the pointer is to `bytes` bytes of a living vector, and the kernel writes no more than that; the
        // descriptor is borrowed from the caller for the whole call.
        let done = unsafe {
            libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_PEERGROUPS, gids.as_mut_ptr().cast(), &raw mut bytes)
        };
        let count = bytes as usize / size_of::<u32>();
        if done == 0 {
            gids.truncate(count);
            return Ok(gids);
        }
        let error = io::Error::last_os_error();
        // The kernel says how much room it needs.
        if error.raw_os_error() != Some(libc::ERANGE) || count <= gids.len() || count > MAX_GROUPS {
            return Err(error);
        }
        gids.resize(count, 0);
    }
}

/// A peer and what it is to the suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The credentials.
    pub peer: Peer,
    /// Which column of the table of rights it stands in.
    pub class: Class,
}

impl Caller {
    /// Asks the kernel, and the machine's users and groups.
    pub fn of(socket: &impl AsFd) -> io::Result<Caller> {
        Peer::of(socket).map(Caller::new)
    }

    /// With what this machine says of the peer's user and groups.
    pub fn new(peer: Peer) -> Caller {
        let class = Suite::here().class(&peer);
        Caller { peer, class }
    }

    /// Why a call is refused, for people.
    pub fn denied(&self, method: &str, need: Need) -> String {
        format!("{method} is for {}; user {} is {}", need.who(), self.peer.name(), self.class.name())
    }
}

/// The numbers of the suite's users and groups on this machine.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    own: Vec<u32>,
    job_users: Vec<u32>,
    jobs: Option<u32>,
    admins: Option<u32>,
    members: Option<u32>,
}

impl Suite {
    /// Of this machine; asked once a process.
    pub fn here() -> &'static Suite {
        static HERE: OnceLock<Suite> = OnceLock::new();
        HERE.get_or_init(|| {
            let user = |name: &str| User::from_name(name).ok().flatten().map(|user| user.uid.as_raw());
            let group = |name: &str| Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw());
            Suite {
                // On a developer's machine the hub runs as somebody else, and so do those who belong to it.
                own: ["ringrift", "ringrift-master"]
                    .into_iter()
                    .filter_map(user)
                    .chain([Uid::effective().as_raw()])
                    .collect(),
                job_users: user("ringrift-job").into_iter().collect(),
                jobs: group("ringrift-job"),
                admins: group("ringrift-admin"),
                members: group("ringrift"),
            }
        })
    }

    /// What a peer is. A job is a job whatever other group it may be in.
    pub fn class(&self, peer: &Peer) -> Class {
        let is_in = |group: Option<u32>| group.is_some_and(|gid| peer.gids.contains(&gid));
        match peer.uid {
            0 => Class::Root,
            uid if self.own.contains(&uid) => Class::Suite,
            uid if self.job_users.contains(&uid) || is_in(self.jobs) => Class::Job,
            _ if is_in(self.admins) => Class::Admin,
            _ if is_in(self.members) => Class::Member,
            _ => Class::Anybody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_kernel_tells_user_and_all_groups() {
        let (one, _other) = UnixStream::pair().expect("a pair");
        let peer = Peer::of(&one).expect("credentials");
        assert_eq!(
            (peer.uid, peer.pid),
            (Uid::effective().as_raw(), i32::try_from(std::process::id()).expect("a pid"))
        );
        assert_eq!(peer.gids[0], nix::unistd::getegid().as_raw());
        for gid in nix::unistd::getgroups().expect("groups") {
            assert!(peer.gids.contains(&gid.as_raw()), "{gid} is missing in {:?}", peer.gids);
        }
        let file = tempfile::tempfile().expect("a file");
        assert!(Peer::of(&file).is_err(), "no socket, no peer");
    }

    #[test]
    fn a_class_follows_from_user_and_groups() {
        let suite =
            Suite { own: vec![900, 901], job_users: vec![902], jobs: Some(902), admins: Some(903), members: Some(900) };
        let class = |uid: u32, gids: &[u32]| suite.class(&Peer { uid, gids: gids.to_vec(), pid: 1 });
        assert_eq!(class(0, &[0]), Class::Root);
        assert_eq!(class(900, &[900, 902]), Class::Suite, "the daemons' user reads what jobs leave and is no job");
        assert_eq!(class(901, &[901, 900]), Class::Suite);
        assert_eq!(class(902, &[902]), Class::Job);
        assert_eq!(class(61_500, &[902]), Class::Job, "an instance with a uid of its own");
        assert_eq!(class(61_500, &[61_500, 903, 902]), Class::Job, "no group makes more of a job");
        assert_eq!(class(1000, &[1000, 900, 903]), Class::Admin);
        assert_eq!(class(1000, &[1000, 900]), Class::Member);
        assert_eq!(class(1000, &[1000]), Class::Anybody);
        assert_eq!(
            Suite::default().class(&Peer { uid: 1000, gids: vec![0, 1000], pid: 1 }),
            Class::Anybody,
            "root's group is not root"
        );
    }
}
