-- What people and the month-end did. Instants are milliseconds since 1970-01-01T00:00:00Z.

-- Requests to treat a window apart.
CREATE TABLE declaration (
    id           INTEGER PRIMARY KEY,
    service      TEXT NOT NULL,
    -- Absent: all partners of the service.
    partner      TEXT,
    kind         TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    window_end   INTEGER NOT NULL,
    -- When it was asked for, as the author says; absent if not known.
    declared     INTEGER,
    reason       TEXT NOT NULL,
    author       TEXT NOT NULL,
    -- When it was written here.
    recorded     INTEGER NOT NULL
) STRICT;

-- What became of them: the last decision acts, the earlier ones stay.
CREATE TABLE decision (
    declaration INTEGER NOT NULL REFERENCES declaration,
    number      INTEGER NOT NULL,
    accepted    INTEGER NOT NULL,
    author      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (declaration, number)
) WITHOUT ROWID, STRICT;

-- What months said, revision by revision.
CREATE TABLE statement (
    id              INTEGER PRIMARY KEY,
    partner         TEXT NOT NULL,
    service         TEXT NOT NULL,
    month           TEXT NOT NULL,
    revision        INTEGER NOT NULL,
    zone            TEXT NOT NULL,
    json            BLOB NOT NULL,
    json_sha256     BLOB NOT NULL,
    evidence_sha256 BLOB NOT NULL,
    commitment      TEXT NOT NULL,
    engine          TEXT NOT NULL,
    author          TEXT NOT NULL,
    saved           INTEGER NOT NULL,
    -- Why it replaces the revision before; absent in the first.
    reason          TEXT,
    UNIQUE (partner, service, month, revision)
) STRICT;

-- Every action, each entry chained to the one before by its digest (see `journal.rs`).
CREATE TABLE journal (
    number   INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    who      TEXT NOT NULL,
    kind     TEXT NOT NULL,
    what     TEXT NOT NULL,
    previous BLOB NOT NULL,
    sha256   BLOB NOT NULL
) STRICT;

CREATE INDEX journal_by_digest ON journal (sha256);

-- How long the journal is and the digest of its last entry: a lost tail shows. One row.
CREATE TABLE journal_head (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    n_entries INTEGER NOT NULL,
    sha256    BLOB NOT NULL
) STRICT;

INSERT INTO journal_head VALUES (1, 0, zeroblob(32));
