-- One text for SQLite and PostgreSQL: TEXT and BIGINT only, times in milliseconds since 1970 (UTC), documents as JSON text.

CREATE TABLE ledger_meta (
    id        BIGINT PRIMARY KEY CHECK (id = 1),
    ledger_id TEXT   NOT NULL,
    format    BIGINT NOT NULL
);

-- One version of one input file.
CREATE TABLE job (
    job_key     TEXT   PRIMARY KEY,
    input       TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    doc         TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    failures    BIGINT NOT NULL,
    problem     TEXT,
    due_at      BIGINT NOT NULL,
    owner       TEXT,
    fence       BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    at_rest     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

-- What a claim looks at: neither jobs at rest nor jobs that are held slow it down.
CREATE INDEX job_free ON job (due_at, job_key) WHERE at_rest = 0 AND lease_until = 0;
CREATE INDEX job_held ON job (lease_until) WHERE at_rest = 0 AND lease_until > 0;
CREATE INDEX job_created ON job (created_at, job_key);
CREATE INDEX job_foreign ON job (job_key) WHERE state = 'foreign';

-- One attempt at one part of a job.
CREATE TABLE part (
    part_key    TEXT   PRIMARY KEY,
    job_key     TEXT   NOT NULL REFERENCES job (job_key),
    part        BIGINT NOT NULL,
    attempt     BIGINT NOT NULL,
    plan        TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    doc         TEXT   NOT NULL,
    batch_id    TEXT,
    since       BIGINT,
    remote      TEXT,
    version     BIGINT NOT NULL,
    failures    BIGINT NOT NULL,
    problem     TEXT,
    due_at      BIGINT NOT NULL,
    owner       TEXT,
    fence       BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    at_rest     BIGINT NOT NULL,
    in_flight   BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

-- As for jobs. Those that wait for a place may be many, and would be in the way of those that are due.
CREATE INDEX part_free ON part (due_at, part_key) WHERE at_rest = 0 AND lease_until = 0 AND state <> 'ready';
CREATE INDEX part_ready ON part (due_at, part_key) WHERE at_rest = 0 AND lease_until = 0 AND state = 'ready';
CREATE INDEX part_held ON part (lease_until, state) WHERE at_rest = 0 AND lease_until > 0;
CREATE INDEX part_job ON part (job_key);
CREATE INDEX part_in_flight ON part (in_flight) WHERE in_flight = 1;
CREATE INDEX part_batch ON part (part_key, batch_id, since) WHERE batch_id IS NOT NULL;

-- What happened, in order; never changed.
CREATE TABLE event (
    record_key TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    fence      BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    doc        TEXT   NOT NULL,
    PRIMARY KEY (record_key, version)
);

-- The processes that share the work, and the places for parts in flight that each of them brings.
CREATE TABLE worker (
    id          TEXT   PRIMARY KEY,
    places      BIGINT NOT NULL,
    alive_until BIGINT NOT NULL
);

-- Whose turn it is to poll.
CREATE TABLE endpoint (
    endpoint   TEXT   PRIMARY KEY,
    owner      TEXT   NOT NULL,
    held_until BIGINT NOT NULL
);

-- Names that belong to a job until it is at rest, such as result directories.
CREATE TABLE reservation (
    name    TEXT PRIMARY KEY,
    job_key TEXT NOT NULL
);

CREATE INDEX reservation_job ON reservation (job_key);
