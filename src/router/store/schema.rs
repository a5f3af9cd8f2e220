//! The schema of `events.db`. Entry i of the list brings version i to i + 1; entries that were released never change.

/// The migrations.
pub const MIGRATIONS: &[&str] = &["
-- Numbers for type names: small, and the same in all rows.
CREATE TABLE kinds(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

-- The log. `body` is the envelope as JSON text without braces and without origin_seq, which is `seq`.
CREATE TABLE events(
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    kind INTEGER NOT NULL,
    key TEXT,
    cause BLOB,
    correlation BLOB,
    time_us INTEGER NOT NULL,      -- the publisher's clock
    stored_us INTEGER NOT NULL,    -- ours; grows with seq, so retention finds its place by bisection
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_id ON events(id);
CREATE INDEX events_kind ON events(kind);

-- What was published before. Outlives the event: unique for ever means for ever.
CREATE TABLE dedup(
    fingerprint BLOB PRIMARY KEY,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    stored_us INTEGER NOT NULL,
    expires_us INTEGER             -- absent: never
) STRICT, WITHOUT ROWID;
CREATE INDEX dedup_expires ON dedup(expires_us) WHERE expires_us IS NOT NULL;

CREATE TABLE subscriptions(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    interest TEXT NOT NULL,
    mark INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    seen_us INTEGER
) STRICT;

-- Exceptions to the marks; see the router's `delivery`.
CREATE TABLE exceptions(
    subscription INTEGER NOT NULL REFERENCES subscriptions(id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    state INTEGER NOT NULL,        -- 0 open, 1 retry, 2 passed, 3 done
    due_us INTEGER NOT NULL,
    key TEXT,
    tries TEXT NOT NULL,
    PRIMARY KEY(subscription, seq)
) STRICT, WITHOUT ROWID;

-- Deliveries given up. The event stays in the log as long as its letter.
CREATE TABLE letters(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscriber TEXT NOT NULL,
    seq INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL,
    history TEXT NOT NULL,
    dead_us INTEGER NOT NULL,
    redriven INTEGER NOT NULL,
    UNIQUE(subscriber, seq)
) STRICT;
"];
