//! The schema of `events.db`. Entry i of the list brings version i to i + 1; entries that were released never change.

/// The migrations.
pub const MIGRATIONS: &[&str] = &[
    "
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
",
    "
-- Ids of the router's making say where their event stands; only others need an index, and before this version all were others.
ALTER TABLE events ADD COLUMN named INTEGER NOT NULL DEFAULT 1;
DROP INDEX events_id;
CREATE UNIQUE INDEX events_named ON events(id) WHERE named = 1;

-- What a repeat of the event is recognised by, and until when (absent: for ever). Needed until it is in a run; see `seen`.
ALTER TABLE events ADD COLUMN print BLOB;
ALTER TABLE events ADD COLUMN expires_us INTEGER;

-- Sorted sets of fingerprints; see `runs`. The table `dedup` is brought into this form by `seen` when the file is opened.
CREATE TABLE runs(
    id INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,        -- 0 being written, 1 complete, 2 to be dropped
    level INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    expiring INTEGER NOT NULL,
    latest_us INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    filter BLOB NOT NULL
) STRICT;
CREATE TABLE prints(place INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;
-- Up to this place every fingerprint is in a run.
CREATE TABLE seen(one INTEGER PRIMARY KEY CHECK(one = 1), covered INTEGER NOT NULL) STRICT;
DROP INDEX dedup_expires;
",
];
