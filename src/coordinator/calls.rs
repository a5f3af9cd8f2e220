//! One call on a socket: its arguments are read, the change is made, and the reply is the answer or why there is none.
use super::change::Change;
use super::refusal::{Refusal, answer};
use super::speakers::speaker;
use super::writer::Core;
use crate::contract::coordinator::Because;
use crate::contract::method::Method;
use crate::contract::wire::{Call, Reply, errors};
use crate::platform::varlink::{Caller, parse};

/// A reply, or the one that says what is wrong with the arguments.
pub type Answered = Result<Reply, Box<Reply>>;

/// A call and what answers it. The types of each method are those of its interface's table.
pub struct Calling<'a> {
    /// The way to the writer.
    pub core: &'a Core,
    /// Who calls.
    pub caller: &'a Caller,
    /// What was called.
    pub call: &'a Call,
}

impl Calling<'_> {
    /// Answers without the writer, or with more than one change.
    pub fn answer<M: Method>(
        &self,
        _: M,
        answered: impl FnOnce(M::Arguments) -> Result<M::Answer, Refusal>,
    ) -> Answered {
        Ok(answer(answered(parse(self.call)?)))
    }

    /// Makes one change.
    pub fn change<M, F>(&self, method: M, change: F) -> Answered
    where
        M: Method,
        F: FnOnce(&mut Change<'_>, M::Arguments) -> Result<M::Answer, Refusal> + Send + 'static,
    {
        self.answer(method, |arguments| self.core.change(move |cx| change(cx, arguments)))
    }

    /// The same for a request that says of whom it is: what the suite's own say of themselves is believed.
    pub fn request<M, N, F>(&self, method: M, name: N, change: F) -> Answered
    where
        M: Method,
        N: FnOnce(&mut M::Arguments) -> &mut String,
        F: FnOnce(&mut Change<'_>, M::Arguments) -> Result<M::Answer, Refusal> + Send + 'static,
    {
        self.answer(method, |mut arguments| {
            let said = name(&mut arguments);
            *said = speaker(self.caller, std::mem::take(said));
            self.core.change(move |cx| change(cx, arguments))
        })
    }

    /// The same for what one manager does: counts it, and an error that is not the caller's.
    pub fn by<M, F>(&self, manager: &'static str, method: M, change: F) -> Answered
    where
        M: Method,
        F: FnOnce(&mut Change<'_>, M::Arguments) -> Result<M::Answer, Refusal> + Send + 'static,
    {
        self.change(method, move |cx, arguments| counted(cx, manager, |cx| change(cx, arguments)))
    }

    /// Who did it, by the kernel's word and never by the caller's.
    pub fn signed(&self, because: Because) -> Because {
        Because { by: self.caller.peer.name(), ..because }
    }
}

/// Has one manager make a change.
pub fn counted<T>(
    cx: &mut Change<'_>,
    manager: &'static str,
    change: impl FnOnce(&mut Change<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let done = change(cx);
    match &done {
        Ok(_) => cx.state.managers.handled(manager),
        Err(refusal) if [errors::INTERNAL, errors::OUT_OF_SPACE].contains(&refusal.name) => {
            cx.state.managers.failed(manager, &refusal.to_string());
        }
        Err(_) => {}
    }
    done
}
