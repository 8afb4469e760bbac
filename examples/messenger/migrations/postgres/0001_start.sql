-- Times are seconds since the epoch; a slot is the first 16 octets of a hash.
CREATE TABLE revoked (slot BYTEA NOT NULL PRIMARY KEY, ends BIGINT NOT NULL);
CREATE TABLE counters (name BYTEA NOT NULL PRIMARY KEY, ends BIGINT NOT NULL, amount BIGINT NOT NULL);
CREATE TABLE held (id BIGSERIAL PRIMARY KEY, slot BYTEA NOT NULL, carried BYTEA NOT NULL, ends BIGINT NOT NULL);
CREATE INDEX held_slot ON held (slot, id);
CREATE INDEX held_ends ON held (ends);
-- Slots of which older messages were dropped to make room since the device last asked.
CREATE TABLE dropped (slot BYTEA NOT NULL PRIMARY KEY, ends BIGINT NOT NULL);
CREATE TABLE waiting (id BIGSERIAL PRIMARY KEY, due BIGINT NOT NULL, sealed BYTEA NOT NULL);
CREATE INDEX waiting_due ON waiting (due);
