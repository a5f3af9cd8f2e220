//! The event router (EVENT_ROUTER): the event log, subscriber state, dead letters.
