-- What a probe saw in full, of the last failures of each series only: the trace of a failure stays
-- as long as its evidence.
CREATE TABLE explanation (
    series INTEGER NOT NULL REFERENCES series,
    tick   INTEGER NOT NULL,
    -- See `explanation.rs`.
    json   TEXT NOT NULL,
    PRIMARY KEY (series, tick)
) WITHOUT ROWID, STRICT;

-- The tick of the failure that the probe was to confirm. Absent in what was written before.
ALTER TABLE trace ADD COLUMN confirms INTEGER;
