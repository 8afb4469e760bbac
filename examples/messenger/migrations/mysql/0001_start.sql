-- Times are seconds since the epoch; a slot is the first 16 octets of a hash.
CREATE TABLE revoked (slot VARBINARY(16) NOT NULL PRIMARY KEY, ends BIGINT NOT NULL);
CREATE TABLE counters (name VARBINARY(16) NOT NULL PRIMARY KEY, ends BIGINT NOT NULL, amount BIGINT NOT NULL);
CREATE TABLE held (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, slot VARBINARY(16) NOT NULL, carried BLOB NOT NULL, ends BIGINT NOT NULL);
CREATE INDEX held_slot ON held (slot, id);
CREATE INDEX held_ends ON held (ends);
-- Slots of which older messages were dropped to make room since the device last asked.
CREATE TABLE dropped (slot VARBINARY(16) NOT NULL PRIMARY KEY, ends BIGINT NOT NULL);
CREATE TABLE waiting (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, due BIGINT NOT NULL, sealed BLOB NOT NULL);
CREATE INDEX waiting_due ON waiting (due);
