-- Accounts, devices, cards, ceremonies and desk cases. The sealed body is bound to kind, id and version, and repeats the
-- other columns. What expires belongs to an epoch; what does not lives on after a restore.
CREATE TABLE records (
	kind    TEXT      NOT NULL,
	id      TEXT      NOT NULL,
	version BIGINT    NOT NULL,
	state   TEXT      NOT NULL,
	owner   TEXT,
	alias   {{bytes}},
	epoch   BIGINT    NOT NULL,
	expires BIGINT,
	body    {{bytes}} NOT NULL,
	PRIMARY KEY (kind, id)
);
CREATE UNIQUE INDEX records_alias ON records (kind, alias) WHERE alias IS NOT NULL;
CREATE INDEX records_owner ON records (kind, owner) WHERE owner IS NOT NULL;
CREATE INDEX records_expires ON records (expires) WHERE expires IS NOT NULL;
