-- Where imported observations come from. Instants are milliseconds since 1970-01-01T00:00:00Z.
CREATE TABLE import (
    id             INTEGER PRIMARY KEY,
    endpoint       TEXT NOT NULL,
    vantage        TEXT NOT NULL,
    -- `csv`, `kuma`, `prometheus`.
    tool           TEXT NOT NULL,
    source         TEXT NOT NULL,
    -- Of the file, or of what the server answered.
    source_sha256  BLOB NOT NULL,
    -- The first and the last instant.
    first_at       INTEGER NOT NULL,
    last_at        INTEGER NOT NULL,
    n_observations INTEGER NOT NULL,
    author         TEXT NOT NULL,
    at             INTEGER NOT NULL,
    UNIQUE (endpoint, vantage, source_sha256, first_at, last_at)
) STRICT;
