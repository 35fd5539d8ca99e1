-- The books of every deployment: what is reserved is a sum over the parts, never a number that could drift.

ALTER TABLE part ADD COLUMN deployment TEXT;
ALTER TABLE part ADD COLUMN tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE part ADD COLUMN holds_quota BIGINT NOT NULL DEFAULT 0;
ALTER TABLE part ADD COLUMN waits_since BIGINT;
ALTER TABLE part ADD COLUMN cost BIGINT;
ALTER TABLE part ADD COLUMN spent_at BIGINT;

CREATE INDEX part_reserved ON part (deployment, tokens) WHERE holds_quota = 1;
CREATE INDEX part_waiting ON part (deployment, waits_since, tokens) WHERE waits_since IS NOT NULL;
CREATE INDEX part_spent ON part (spent_at, cost) WHERE spent_at IS NOT NULL;

-- What is known of a deployment's quota.
CREATE TABLE quota (
    deployment TEXT PRIMARY KEY,
    doc        TEXT NOT NULL
);
