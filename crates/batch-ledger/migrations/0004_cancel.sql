-- When a person asked for the end of a job. Parts have it from their job, so that whoever holds one sees it.

ALTER TABLE job ADD COLUMN cancel_at BIGINT;
ALTER TABLE part ADD COLUMN cancel_at BIGINT;
