-- How each vantage last said that its endpoints are defined: JSON.
CREATE TABLE definition (
    vantage   TEXT PRIMARY KEY,
    endpoints TEXT NOT NULL
) STRICT;
