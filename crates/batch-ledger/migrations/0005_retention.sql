-- What is forgotten after a while. The key of a job stays: a version that is put back must not get the key of the job that it
-- was before, for the service may still know batches of that.

CREATE TABLE forgotten (
    job_key TEXT PRIMARY KEY
);

CREATE INDEX job_finished ON job (updated_at, job_key) WHERE state IN ('done', 'dropped');

-- What waits for a person is counted at the end of every run.
CREATE INDEX job_quarantined ON job (created_at, job_key) WHERE state = 'quarantined';
