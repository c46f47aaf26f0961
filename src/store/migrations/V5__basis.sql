-- What statements were settled from beside the observations. Instants are milliseconds since
-- 1970-01-01T00:00:00Z.

-- What the statements of many partners have in common, each document once.
CREATE TABLE basis (
    sha256 BLOB NOT NULL PRIMARY KEY,
    json   BLOB NOT NULL
) STRICT;

ALTER TABLE statement ADD COLUMN shared_basis BLOB REFERENCES basis;
-- What it has alone.
ALTER TABLE statement ADD COLUMN basis BLOB;
-- How far its evidence reaches: what happened before and is stored after it was saved is late.
ALTER TABLE statement ADD COLUMN evidence_end INTEGER;

CREATE INDEX statement_by_evidence_end ON statement (evidence_end);

-- Observations that came after a statement was saved which they might have changed, with the last
-- such statement: revisions up to that one do not know them.
CREATE TABLE late (
    series    INTEGER NOT NULL REFERENCES series,
    tick      INTEGER NOT NULL,
    statement INTEGER NOT NULL,
    PRIMARY KEY (series, tick)
) STRICT;

-- How partners used a service in a month, as they or the service counted it. A later entry
-- replaces an earlier one, which stays.
CREATE TABLE usage_entry (
    id          INTEGER PRIMARY KEY,
    partner     TEXT NOT NULL,
    service     TEXT NOT NULL,
    month       TEXT NOT NULL,
    n_calls     INTEGER NOT NULL,
    n_successes INTEGER NOT NULL,
    source      TEXT NOT NULL,
    author      TEXT NOT NULL,
    recorded    INTEGER NOT NULL
) STRICT;

CREATE INDEX usage_by_subject ON usage_entry (partner, service, month);
