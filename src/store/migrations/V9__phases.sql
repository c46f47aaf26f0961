-- Two more stages of a probe (getting a token, sending the request), and two more ends of its
-- certificates. Absent in what was written before.
ALTER TABLE trace ADD COLUMN auth_us INTEGER;
ALTER TABLE trace ADD COLUMN write_us INTEGER;
ALTER TABLE trace ADD COLUMN chain_not_after INTEGER;
ALTER TABLE trace ADD COLUMN verified_not_after INTEGER;
