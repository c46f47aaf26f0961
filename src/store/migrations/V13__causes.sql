-- Why a service was down, as its operator says. A later row about the same outage takes the place
-- of an earlier one, which stays.
CREATE TABLE stated_cause (
    id           INTEGER PRIMARY KEY,
    service      TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    window_end   INTEGER NOT NULL,
    french       TEXT NOT NULL,
    english      TEXT,
    attribution  TEXT NOT NULL,
    -- Who says so, as partners read it.
    said_by      TEXT NOT NULL,
    author       TEXT NOT NULL,
    recorded     INTEGER NOT NULL
) STRICT;

CREATE INDEX stated_cause_by_service ON stated_cause (service, window_start);
