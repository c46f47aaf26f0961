-- Observations that are over, sealed. Instants are milliseconds since 1970-01-01T00:00:00Z.

-- What one vantage saw of one endpoint in one hour (see `block/mod.rs`). What arrives after an
-- hour was sealed gets another block of that hour. In the order of reading: settling a month in
-- which nothing happened reads these rows and nothing else.
CREATE TABLE block (
    series          INTEGER NOT NULL,
    -- Hours since 1970.
    hour            INTEGER NOT NULL,
    -- In the order of sealing of its series, from 1.
    number          INTEGER NOT NULL,
    n_observations  INTEGER NOT NULL,
    -- The first and the last instant, in milliseconds after the hour's beginning.
    first_ms        INTEGER NOT NULL,
    last_ms         INTEGER NOT NULL,
    silence_ms      INTEGER NOT NULL,
    -- Absent unless all are whole answers.
    latency_us_max  INTEGER,
    content         INTEGER NOT NULL,
    PRIMARY KEY (series, hour, number)
) WITHOUT ROWID, STRICT;

-- In the order of writing, so that pages are filled one after the other.
CREATE TABLE content (
    id     INTEGER PRIMARY KEY,
    -- Of the block, over that of the one before it in its series.
    sha256 BLOB NOT NULL,
    bytes  BLOB NOT NULL
) STRICT;

-- How long the chain of a series is and the digest of its last block: a lost tail shows. What
-- retention took away is counted, with the digest that the first of the others was sealed over.
CREATE TABLE chain (
    series         INTEGER NOT NULL,
    n_blocks       INTEGER NOT NULL,
    sha256         BLOB NOT NULL,
    n_removed      INTEGER NOT NULL,
    removed_sha256 BLOB NOT NULL,
    -- The first hour that nothing was removed from; absent if nothing ever was.
    kept_from_hour INTEGER,
    -- The ends of all that was ever sealed.
    first_tick     INTEGER NOT NULL,
    last_tick      INTEGER NOT NULL,
    PRIMARY KEY (series)
) WITHOUT ROWID, STRICT;

-- Blocks are what `filed` was for: its observations go back to where sealing begins.
INSERT INTO fresh (tick, series, late_ms, outcome, detail)
    SELECT tick, series, late_ms, outcome, detail FROM filed ORDER BY tick, series;
DROP TABLE filed;

-- What retention took away from the journal: how many entries, the digest of the last of them,
-- and from before when.
ALTER TABLE journal_head ADD COLUMN n_removed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journal_head ADD COLUMN removed_sha256 BLOB;
ALTER TABLE journal_head ADD COLUMN removed_before INTEGER;
