-- Letters about statements, each once. Instants are milliseconds since 1970-01-01T00:00:00Z.
CREATE TABLE letter (
    id           INTEGER PRIMARY KEY,
    -- It is deleted with the statement that it brings.
    statement    INTEGER NOT NULL REFERENCES statement ON DELETE CASCADE,
    recipient    TEXT NOT NULL,
    -- `unwritten`, `held`, `due`, `sent`, `failed` or `superseded` (see `outbox.rs`).
    state        TEXT NOT NULL,
    -- Since when it is in this state.
    since        INTEGER NOT NULL,
    -- The date that it carries; absent until it may be sent.
    dated        INTEGER,
    -- When it may be tried; absent unless due.
    next_attempt INTEGER,
    n_attempts   INTEGER NOT NULL DEFAULT 0,
    last_attempt INTEGER,
    -- What the mail server said last.
    last_answer  TEXT,
    -- Absent while unwritten.
    subject      TEXT,
    text         TEXT,
    html         TEXT,
    -- The file names of what is attached, as a JSON list.
    documents    TEXT,
    UNIQUE (statement, recipient)
) STRICT;

-- What is to be done: few of many.
CREATE INDEX letter_due ON letter (next_attempt) WHERE state = 'due';
