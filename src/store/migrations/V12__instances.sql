-- Which installation hands in what a vantage saw; absent where it records here itself.
ALTER TABLE vantage ADD COLUMN instance TEXT;
