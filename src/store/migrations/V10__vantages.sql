-- Who records, and who acts for all. Instants are milliseconds since 1970-01-01T00:00:00Z.

-- Each vantage, as its latest instance told of itself.
CREATE TABLE vantage (
    id       TEXT NOT NULL PRIMARY KEY,
    -- When that instance began.
    began    INTEGER NOT NULL,
    -- When it last gave a sign of life, by the database's clock.
    seen     INTEGER NOT NULL,
    -- How far its clock was ahead of the database's.
    ahead_ms INTEGER NOT NULL,
    version  TEXT NOT NULL
) WITHOUT ROWID, STRICT;

-- What one instance at a time does.
CREATE TABLE lease (
    name    TEXT NOT NULL PRIMARY KEY,
    holder  TEXT NOT NULL,
    -- Grows with each new holder: whoever acts under an older number is refused.
    fence   INTEGER NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
