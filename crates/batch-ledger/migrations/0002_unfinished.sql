-- What opening, retrying and looking go through: nothing that is finished.

CREATE INDEX job_unfinished ON job (created_at, job_key) WHERE at_rest = 0;

-- Those that wait after a failure.
CREATE INDEX job_failing ON job (job_key) WHERE at_rest = 0 AND problem IS NOT NULL;
CREATE INDEX part_failing ON part (part_key) WHERE at_rest = 0 AND problem IS NOT NULL;
