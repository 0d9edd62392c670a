-- Times are UTC milliseconds. Words in double braces are the dialect's.

-- One row at the start, one more for each restored backup: what an older epoch left pending is unknown.
CREATE TABLE epochs (
	number  {{key}},
	started BIGINT NOT NULL
);

-- Written to see whether the disk takes writes; filled to see whether there is room.
CREATE TABLE probes (
	number {{key}},
	at     BIGINT NOT NULL,
	filler {{bytes}}
);
INSERT INTO probes (number, at) VALUES (1, 0);

-- A login in progress. The sealed body is bound to issuer, id and version; the other columns repeat what it says.
CREATE TABLE transactions (
	issuer     TEXT      NOT NULL,
	id         TEXT      NOT NULL,
	state      TEXT      NOT NULL,
	version    BIGINT    NOT NULL,
	epoch      BIGINT    NOT NULL,
	expires    BIGINT    NOT NULL,
	code_hash  {{bytes}},
	token_hash {{bytes}},
	body       {{bytes}} NOT NULL,
	PRIMARY KEY (issuer, id)
);
CREATE INDEX transactions_expires ON transactions (expires);
CREATE UNIQUE INDEX transactions_code ON transactions (issuer, code_hash) WHERE code_hash IS NOT NULL;
CREATE UNIQUE INDEX transactions_token ON transactions (issuer, token_hash) WHERE token_hash IS NOT NULL;

-- What must not be used twice. The digest covers kind and key.
CREATE TABLE spent (
	digest  {{bytes}} NOT NULL PRIMARY KEY,
	expires BIGINT    NOT NULL
);
CREATE INDEX spent_expires ON spent (expires);

-- An audit entry: leaf = SHA-256(salt || sealed). It has no position in the tree until it is sequenced; when retention
-- ends, salt and sealed go and the leaf stays.
CREATE TABLE audit_entries (
	number   {{serial}},
	at       BIGINT    NOT NULL,
	position BIGINT,
	leaf     {{bytes}} NOT NULL,
	salt     {{bytes}},
	sealed   {{bytes}}
);
CREATE UNIQUE INDEX audit_sequenced ON audit_entries (position) WHERE position IS NOT NULL;
CREATE INDEX audit_waiting ON audit_entries (number) WHERE position IS NULL;
CREATE INDEX audit_kept ON audit_entries (at) WHERE sealed IS NOT NULL;

-- The stored hashes of the tree (golang.org/x/mod/sumdb/tlog), by their index.
CREATE TABLE audit_hashes (
	number {{key}},
	hash   {{bytes}} NOT NULL
);

-- The size and root of the tree. Whoever sequences changes them from what they read, or has lost to another.
CREATE TABLE audit_tree (
	number {{key}},
	size   BIGINT NOT NULL,
	root   {{bytes}}
);
INSERT INTO audit_tree (number, size) VALUES (1, 0);

-- The last signed checkpoint, by the size of the tree; the ones before it have left the host.
CREATE TABLE audit_checkpoints (
	size {{key}},
	note {{bytes}} NOT NULL
);
