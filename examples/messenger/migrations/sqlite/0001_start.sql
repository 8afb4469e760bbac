-- Times are seconds since the epoch; a slot is the first 16 octets of a hash.
CREATE TABLE revoked (slot BLOB NOT NULL PRIMARY KEY, ends BIGINT NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (name BLOB NOT NULL PRIMARY KEY, ends BIGINT NOT NULL, amount BIGINT NOT NULL) WITHOUT ROWID;
CREATE TABLE held (id INTEGER PRIMARY KEY AUTOINCREMENT, slot BLOB NOT NULL, carried BLOB NOT NULL, ends BIGINT NOT NULL);
CREATE INDEX held_slot ON held (slot, id);
CREATE INDEX held_ends ON held (ends);
-- Slots of which older messages were dropped to make room since the device last asked.
CREATE TABLE dropped (slot BLOB NOT NULL PRIMARY KEY, ends BIGINT NOT NULL) WITHOUT ROWID;
CREATE TABLE waiting (id INTEGER PRIMARY KEY AUTOINCREMENT, due BIGINT NOT NULL, sealed BLOB NOT NULL);
CREATE INDEX waiting_due ON waiting (due);
