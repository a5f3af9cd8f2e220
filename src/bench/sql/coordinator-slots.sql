\set node random(0, 15)
SELECT acquire_slot('export', 'n' || :node) AS got \gset
SELECT release_slot(:got);
