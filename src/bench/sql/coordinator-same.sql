\set node random(0, 15)
SELECT acquire_same('export', 'n' || :node) AS got \gset
SELECT release_slot(:got);
