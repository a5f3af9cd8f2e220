//! The daemon's own doors: its Varlink socket and its HTTP ports. Requests go through the main loop and wait for its
//! answer.
use super::extras::Socket;
use super::inbox::{Inbox, Message};
use super::places::Places;
use crate::contract::config::Config;
use crate::contract::daemon::HttpResponse;
use crate::contract::registry::{DaemonType, Need};
use crate::contract::wire::{Call, ErrorParameters, Reply, errors};
use crate::platform::http::{self, Answer, Names, Serve};
use crate::platform::socket_file::SocketFile;
use crate::platform::varlink::{Budget, Caller, Replies, Service, serve};
use crate::platform::{notify, threads};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Longest wait for the main loop: a handler may be at work on something else.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

struct Forward {
    interfaces: Vec<(&'static str, &'static str)>,
    inbox: Inbox,
}

impl Service for Forward {
    fn interfaces(&self) -> Vec<(&'static str, &'static str)> {
        self.interfaces.clone()
    }
    fn call(&self, _caller: &Caller, call: &Call, replies: &mut dyn Replies) -> io::Result<()> {
        let (answer, answered) = channel();
        let sent = self.inbox.send(Message::Call { call: call.clone(), answer });
        let reply = sent.ok().and_then(|()| answered.recv_timeout(REPLY_TIMEOUT).ok()).unwrap_or_else(|| {
            Reply::error(
                errors::INTERNAL,
                &ErrorParameters { message: "the daemon is busy or stopping; retry".into(), ..Default::default() },
            )
        });
        if call.oneway { Ok(()) } else { replies.send(&reply) }
    }
}

/// Opens the Varlink socket: the one systemd passed under this name, else a new one in the run directory.
pub fn open_socket(socket: &Socket, places: &Places, inbox: &Inbox) -> io::Result<Option<SocketFile>> {
    let passed = notify::passed_sockets()?.into_iter().find(|(name, _)| name == socket.name);
    let listener = match passed {
        Some((_, fd)) => UnixListener::from(fd),
        None => {
            let path = places.run.join(format!("{}.sock", socket.name));
            let at = |e: io::Error| io::Error::new(e.kind(), format!("listening on {}: {e}", path.display()));
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(at(e)),
                _ => UnixListener::bind(&path).map_err(at)?,
            }
        }
    };
    listener.set_nonblocking(false)?;
    let file = SocketFile::of(&listener);
    let service: Arc<dyn Service> = Arc::new(Forward { interfaces: socket.interfaces.clone(), inbox: inbox.clone() });
    let make = move |_: &UnixStream| Ok(Arc::clone(&service));
    threads::part("socket", move || serve("varlink", &listener, &Budget::new(), make))?;
    Ok(file)
}

/// Opens the HTTP ports that the configuration gives this daemon, if any.
pub fn open_ports(daemon: DaemonType, config: &Config, serve: Option<Serve>, inbox: &Inbox) -> io::Result<()> {
    let (addresses, hosts) = addresses(daemon, config);
    if addresses.is_empty() {
        return Ok(());
    }
    let Some(serve) = serve else { return Err(io::Error::other("this program was built without HTTP")) };
    let inbox = inbox.clone();
    let answer: Answer = Arc::new(move |request| {
        let (answer, answered) = channel();
        let sent = inbox.send(Message::Http { request, answer });
        sent.ok().and_then(|()| answered.recv_timeout(http::DEADLINE).ok()).unwrap_or_else(|| HttpResponse {
            status: 503,
            content_type: "text/plain; charset=utf-8",
            body: "the daemon is busy or stopping; retry\n".into(),
        })
    });
    serve(&addresses, Names::of_this_host(&hosts), &answer)
}

/// The addresses to listen on, and further names of the host.
fn addresses(daemon: DaemonType, config: &Config) -> (Vec<SocketAddr>, Vec<String>) {
    let told = config.daemons.of(daemon);
    let listening = daemon.spec().needs().find_map(|need| match need {
        Need::Tcp { address, ports, hosts } => {
            Some((told.read::<String>(address)?.parse::<IpAddr>().ok()?, ports, hosts))
        }
        _ => None,
    });
    let Some((address, ports, hosts)) = listening else { return (Vec::new(), Vec::new()) };
    let addresses = ports.iter().filter_map(|port| Some(SocketAddr::new(address, told.read(port)?)));
    (addresses.collect(), told.read(hosts).unwrap_or_default())
}
