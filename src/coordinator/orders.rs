//! Orders to the nodes' masters: Dispatch streams them, Report tells what became of them.
use super::change::Change;
use super::finish::{self, Failure};
use super::mailbox::Mailbox;
use super::refusal::Refusal;
use super::writer::Core;
use super::{grant, reports, rows};
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::{Accepted, Dispatch, Report, ReportOutcome};
use crate::contract::ids::NodeId;
use crate::contract::reason::{Reason, ReasonCode};
use crate::contract::wire::Reply;
use crate::platform::varlink::Replies;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Streams orders until the master hangs up or another one takes over.
pub fn dispatch(core: &Core, stream: &UnixStream, call: Dispatch, replies: &mut dyn Replies) -> io::Result<()> {
    let (mailbox, woken) = Mailbox::new()?;
    let (node, theirs) = (call.node.clone(), Arc::clone(&mailbox));
    if let Err(refusal) = core.change(move |cx| connect(cx, node, theirs)) {
        return replies.send(&refusal.reply());
    }
    tracing::info!(node = %call.node, "master connected");
    let streamed = stream_orders(&mailbox, &woken, stream, replies);
    let (node, ours) = (call.node.clone(), Arc::clone(&mailbox));
    let gone = core.change(move |cx| {
        cx.state.dispatch.disconnect(&node, &ours);
        Ok(())
    });
    if let Err(refusal) = gone {
        tracing::error!(%refusal, node = %call.node, "removing a disconnected master");
    }
    tracing::info!(node = %call.node, "master disconnected");
    streamed
}

pub fn connect(cx: &mut Change<'_>, node: NodeId, mailbox: Arc<Mailbox>) -> Result<(), Refusal> {
    for order in grant::outstanding(cx, &node)? {
        // A start order is sent again: its term starts over.
        if order.kind == crate::contract::coordinator::OrderKind::Start {
            cx.state.leases.renew(order.token, cx.now.mono);
        }
        mailbox.put(order);
    }
    cx.state.dispatch.connect(node, mailbox);
    cx.state.look_again();
    Ok(())
}

fn stream_orders(
    mailbox: &Mailbox,
    woken: &UnixStream,
    stream: &UnixStream,
    replies: &mut dyn Replies,
) -> io::Result<()> {
    let hung_up = PollFlags::from_bits_retain(nix::libc::POLLRDHUP);
    loop {
        let (orders, closed) = mailbox.take();
        for order in orders {
            replies.send(&Reply::more(&order))?;
        }
        if closed {
            let reason = Reason::new(ReasonCode::Taken, "a second Dispatch replaces the first");
            let why = Refusal::refused("another master of the node has taken over", vec![reason]);
            return replies.send(&why.reply());
        }
        let mut fds = [PollFd::new(woken.as_fd(), PollFlags::POLLIN), PollFd::new(stream.as_fd(), hung_up)];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        // POLLRDHUP is no flag that the library knows, so it shows it as nothing; no event at all is an empty set.
        if fds[1].revents().is_none_or(|events| !events.is_empty()) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let _ = (&mut &*woken).read(&mut [0; 64]);
    }
}

/// What became of an order. Not accepted: the token is an old one, or it was known already.
pub fn report(cx: &mut Change<'_>, call: &Report) -> Result<Accepted, Refusal> {
    let (n, item) = rows::wanted(cx, &call.job_id)?;
    let Some(lease) = rows::lease_of(cx.db, n)?.filter(|l| l.token == call.token) else {
        return Ok(Accepted { accepted: false });
    };
    match call.outcome {
        ReportOutcome::Started if lease.ordered => return Ok(Accepted { accepted: false }),
        ReportOutcome::Started => {
            cx.db.prepare_cached("UPDATE lease SET ordered = 1 WHERE token = ?1")?.execute([rows::key(lease.token)])?;
            if lease.fenced.is_none() && !lease.taken {
                cx.state.leases.renew(lease.token, cx.now.mono);
            }
        }
        // A unit that has taken its job up has started, whatever the master thinks; its end will be reported.
        ReportOutcome::StartFailed if lease.taken => return Ok(Accepted { accepted: false }),
        // What it left word of was written before the unit was gone.
        ReportOutcome::Gone if reports::take_over(cx, &call.job_id)? => return Ok(Accepted { accepted: false }),
        ReportOutcome::StartFailed | ReportOutcome::Gone => {
            let (cause, what) = match call.outcome {
                ReportOutcome::StartFailed => (FailureCause::StartFailed, "its unit could not be started"),
                _ => (FailureCause::Gone, "its unit exited without a result"),
            };
            let error = if call.detail.is_empty() { what.to_owned() } else { format!("{what}: {}", call.detail) };
            finish::unit_gone(cx, n, &item, &lease, Failure::new(cause, error))?;
        }
    }
    Ok(Accepted { accepted: true })
}
