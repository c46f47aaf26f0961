-- The blocks of a day of a series in one row: all that is known of them without their contents (see
-- `block/day.rs`), so that a month is some thirty rows. Written anew with each hour that is sealed.
CREATE TABLE sealed_day (
    series INTEGER NOT NULL,
    -- Days of UTC since 1970.
    day    INTEGER NOT NULL,
    sheets BLOB NOT NULL,
    PRIMARY KEY (series, day)
) WITHOUT ROWID, STRICT;
