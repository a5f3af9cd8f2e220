//! Putting the process together, running it, and taking it down in order.
use super::age::Age;
use super::command::{Command, WriterMessage};
use super::connection;
use super::hub::Hub;
use super::settings::{self, Args, Settings, node, state_directory};
use super::store::seen::Seen;
use super::store::{open, state};
use super::upkeep;
use super::writer::Writer;
use super::{checkpoint, reader, socket};
use crate::contract::coalesce::{Coalesced, SECOND};
use crate::contract::config::{Begun, Reader};
use crate::contract::error::{Exit, Failure};
use crate::contract::registry::DaemonType;
use crate::platform::clock::now_us;
use crate::platform::notify;
use crate::platform::socket_file::SocketFile;
use crate::platform::store::{self, Keep};
use crate::platform::threads;
use crate::runtime::backoff;
use nix::fcntl::{Flock, FlockArg};
use std::cell::Cell;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::{LocalSet, spawn_local};

/// How long callers may take to read their last answers when the router stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs until SIGTERM.
pub fn run(args: &Args) -> Result<(), Failure> {
    let restarts = backoff::wait_if_restarted();
    let config = settings::load()?;
    let settings = Settings::new(&config.router, args);
    let node = node(args, &config)?;
    let directory = state_directory(args)?;
    let _lock = lock(&directory)?;
    let path = directory.join("events.db");
    store::own(&path);
    let mut db = open::open(&path, Keep::from(&config.databases), args.max_pages)?;
    if args.no_sync {
        open::never_sync(&mut db).map_err(|e| Failure::new(Exit::Failure, "setting up the event log").caused_by(e))?;
    }
    let beginning = state::load(&db).map_err(|e| Failure::new(Exit::Failure, "loading the event log").caused_by(e))?;
    let seen = Seen::load(&db).map_err(|e| Failure::new(Exit::Failure, "loading the event log").caused_by(e))?;
    let listener = socket::listen(args)?;
    let socket_file = SocketFile::of(&listener);

    let start = |what: &'static str| {
        move |e: anyhow::Error| Failure::new(Exit::Failure, format!("starting {what}")).caused_by(e)
    };
    let (trigger, checkpointer) =
        checkpoint::new(&path, &mut db).map_err(|e| start("the checkpoint thread")(e.into()))?;
    let (commands, commanded) = std::sync::mpsc::channel();
    let (told, tell) = mpsc::unbounded_channel();
    let published = Arc::new(AtomicU64::new(beginning.last_seq));
    let known = beginning.kinds.iter().map(|(id, _)| *id).collect();
    let age = Age::new(&db, &path)?;
    let writer = Writer::new(db, seen, beginning.last_seq, published.clone(), known, told, (trigger, age.expiry()));
    let (reader, reading) = reader::start(&path).map_err(start("the reader thread"))?;
    let threads = [
        reading,
        spawn("writer", move || writer.run(&commanded)).map_err(start("the writer"))?,
        spawn("checkpoint", || checkpointer.run()).map_err(start("the checkpoint thread"))?,
    ];

    let begun = Begun::with(&config, Reader::Daemon(DaemonType::EventRouter), now_us());
    let hub = Rc::new(Hub::new(node, (settings, begun), beginning, commands, published, reader, (path, age)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| start("the event loop")(e.into()))?;
    let result = LocalSet::new().block_on(&runtime, async {
        spawn_local(settle(restarts, Duration::from_secs(config.master.reset_after.into())));
        spawn_local(upkeep::watch_socket(hub.clone(), socket_file));
        serve(&hub, args, listener, tell).await
    });
    hub.write_back_all();
    hub.command(Command::Stop);
    // With the last connection SQLite copies the WAL back and deletes it; so each thread is waited for, the reader's
    // too.
    drop(hub);
    for thread in threads {
        if thread.join().is_err() {
            return Err(Failure::new(Exit::Failure, "a thread of the router panicked; see the log"));
        }
    }
    if let Some(path) = &args.socket {
        // Systemd's socket stays; ours goes with us.
        let _ = std::fs::remove_file(path);
    }
    result
}

/// Ready for so long: the next failure waits no longer than the first.
async fn settle(mut restarts: backoff::Restarts, after: Duration) {
    tokio::time::sleep(after).await;
    restarts.settle();
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    Ok(threads::part(name, work)?)
}

/// One router a database: a second one would hand out the same events.
fn lock(directory: &Path) -> Result<Flock<std::fs::File>, Failure> {
    let path = directory.join("lock");
    let file = std::fs::File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| {
        Failure::new(Exit::Failure, format!("opening {}", path.display()))
            .hint("check that the state directory exists and is writable")
            .caused_by(e)
    })?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, e)| {
        Failure::new(Exit::TempFail, format!("another router uses {}", directory.display())).caused_by(e)
    })
}

async fn serve(
    hub: &Rc<Hub>,
    args: &Args,
    listener: UnixListener,
    mut tell: mpsc::UnboundedReceiver<WriterMessage>,
) -> Result<(), Failure> {
    let fail = |what: &'static str| move |e: std::io::Error| Failure::new(Exit::Failure, what).caused_by(e);
    let listener = tokio::net::UnixListener::from_std(listener).map_err(fail("setting up the socket"))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fail("listening to signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fail("listening to signals"))?;
    let mut hangup = signal(SignalKind::hangup()).map_err(fail("listening to signals"))?;
    let fatal: Rc<Cell<Option<String>>> = Rc::default();
    let died = Rc::new(Notify::new());
    {
        let (hub, fatal, died) = (hub.clone(), fatal.clone(), died.clone());
        spawn_local(async move {
            while let Some(told) = tell.recv().await {
                if let Some(why) = upkeep::heard(&hub, told) {
                    fatal.set(Some(why));
                    died.notify_one();
                }
            }
            // The writer ends last of all, or it has panicked.
            died.notify_one();
        });
    }
    let connections = Rc::new(Connections::default());
    let status = upkeep::start(hub);
    notify::ready("the event log is open");
    tracing::info!(events_up_to = hub.last(), subscriptions = hub.subs.borrow().len(), "ready");
    let mut refused = Coalesced::new(SECOND);
    let result = loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => connections.serve(hub.clone(), stream),
                Err(error) => {
                    // Out of file descriptors, most likely: those who are connected continue, and some will leave.
                    if let Some(left_out) = refused.admit(Instant::now()) {
                        tracing::warn!(%error, "cannot accept a connection{left_out}");
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            _ = hangup.recv() => upkeep::reload(hub, args),
            () = died.notified() => {
                let why = fatal.take().unwrap_or_else(|| "the writer thread has exited".into());
                break Err(Failure::new(Exit::Failure, why).hint("systemd restarts it with the events on disk; check \
                    the disk if this repeats"));
            }
        }
    };
    drop(listener);
    notify::stopping("answering the last calls");
    hub.stopping.send_replace(true);
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.ended()).await.is_err() {
        tracing::warn!(left = connections.open.get(), "some callers did not read their answers; disconnecting them");
    }
    status.last(hub).await;
    result
}

#[derive(Default)]
struct Connections {
    open: Cell<usize>,
    less: Notify,
}

impl Connections {
    fn serve(self: &Rc<Self>, hub: Rc<Hub>, stream: tokio::net::UnixStream) {
        self.open.set(self.open.get() + 1);
        let all = self.clone();
        spawn_local(async move {
            connection::serve(hub, stream).await;
            all.open.set(all.open.get() - 1);
            all.less.notify_one();
        });
    }
    async fn ended(&self) {
        while self.open.get() > 0 {
            self.less.notified().await;
        }
    }
}
