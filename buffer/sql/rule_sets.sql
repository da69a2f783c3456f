-- name: append_rule_set
INSERT INTO rule_set (version, first_signal, adopted_at, how, configuration) VALUES (?, ?, ?, ?, ?);

-- name: last_rule_sets
SELECT seq, version, first_signal, adopted_at, how, configuration
FROM rule_set ORDER BY seq DESC LIMIT ?;

-- name: newest_rule_set
SELECT coalesce(max(seq), 0) FROM rule_set;
