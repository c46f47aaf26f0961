-- What was seen. Instants are milliseconds since 1970-01-01T00:00:00Z.

-- One endpoint seen from one vantage; its observations are known by this small number.
CREATE TABLE series (
    id          INTEGER PRIMARY KEY,
    endpoint    TEXT NOT NULL,
    vantage     TEXT NOT NULL,
    -- How far the instants of its observations lie from their ticks, at the extremes: what to
    -- search when a window of instants is asked for and the keys are ticks.
    late_ms_min INTEGER NOT NULL DEFAULT 0,
    late_ms_max INTEGER NOT NULL DEFAULT 0,
    UNIQUE (endpoint, vantage)
) STRICT;

-- Observations, in two tables of the same columns.
--
-- They arrive in the order of time and are read series by series. A key in the order of reading
-- alone writes a whole page per observation; a key in the order of arrival alone reads all series
-- to find one. So they are appended to `fresh`, and `fresh` is emptied into `filed` now and then,
-- many observations of each series at once.
--
-- `late_ms` is the instant minus the tick. `outcome` and `detail` are explained in `outcome.rs`.
CREATE TABLE fresh (
    tick    INTEGER NOT NULL,
    series  INTEGER NOT NULL,
    late_ms INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    detail  INTEGER NOT NULL,
    PRIMARY KEY (tick, series)
) WITHOUT ROWID, STRICT;

CREATE TABLE filed (
    series  INTEGER NOT NULL,
    tick    INTEGER NOT NULL,
    late_ms INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    detail  INTEGER NOT NULL,
    PRIMARY KEY (series, tick)
) WITHOUT ROWID, STRICT;

-- All that was seen when the answer was not the expected one. It repeats its observation, so
-- that it can be read alone.
CREATE TABLE trace (
    series                INTEGER NOT NULL REFERENCES series,
    tick                  INTEGER NOT NULL,
    late_ms               INTEGER NOT NULL,
    outcome               INTEGER NOT NULL,
    detail                INTEGER NOT NULL,
    resolve_us            INTEGER,
    connect_us            INTEGER,
    tls_us                INTEGER,
    processing_us         INTEGER,
    transfer_us           INTEGER,
    address               TEXT,
    status                INTEGER,
    cause                 TEXT,
    message               TEXT NOT NULL,
    certificate_not_after INTEGER,
    retry_after_ms        INTEGER,
    PRIMARY KEY (series, tick)
) WITHOUT ROWID, STRICT;

-- Ticks at which nothing was asked, and why.
CREATE TABLE missed (
    series     INTEGER NOT NULL REFERENCES series,
    first_tick INTEGER NOT NULL,
    last_tick  INTEGER NOT NULL,
    n_ticks    INTEGER NOT NULL,
    cause      TEXT NOT NULL,
    PRIMARY KEY (series, first_tick)
) WITHOUT ROWID, STRICT;
