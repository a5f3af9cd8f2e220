-- What the benchmark's Postgres knows: one row a slot, a token bucket, and functions that acquire and release in one round trip.
CREATE TABLE slot (id int PRIMARY KEY, kind text NOT NULL, node text NOT NULL, holder text, token bigint, granted timestamptz);
INSERT INTO slot (id, kind, node) SELECT n * 32 + s, 'export', 'n' || n FROM generate_series(0, 15) n, generate_series(0, 31) s;
CREATE INDEX slot_free ON slot (kind, node, id) WHERE holder IS NULL;
CREATE TABLE bucket (name text PRIMARY KEY, level double precision NOT NULL, at timestamptz NOT NULL);
INSERT INTO bucket VALUES ('all', 1000000, clock_timestamp());
CREATE SEQUENCE token;

-- A free slot, whichever nobody else is about to take.
CREATE FUNCTION acquire_slot(k text, n text) RETURNS int LANGUAGE sql AS $$
  UPDATE slot SET holder = 'bench', token = nextval('token'), granted = clock_timestamp()
  WHERE id = (SELECT id FROM slot WHERE kind = k AND node = n AND holder IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING id
$$;
-- The same, and a token of the bucket, spent only on success.
CREATE FUNCTION acquire_same(k text, n text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE got int;
BEGIN
  got := acquire_slot(k, n);
  IF got IS NULL THEN RETURN NULL; END IF;
  UPDATE bucket SET level = least(1000000, level + extract(epoch FROM clock_timestamp() - at) * 10000000 / 60) - 1, at = clock_timestamp()
  WHERE name = 'all' AND least(1000000, level + extract(epoch FROM clock_timestamp() - at) * 10000000 / 60) >= 1;
  IF NOT FOUND THEN RAISE EXCEPTION 'no token'; END IF;
  RETURN got;
END $$;
CREATE FUNCTION release_slot(wanted int) RETURNS boolean LANGUAGE sql AS $$
  UPDATE slot SET holder = NULL, token = NULL WHERE id = wanted AND holder IS NOT NULL RETURNING true
$$;
