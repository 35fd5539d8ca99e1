//! The SQL text. SQLite and PostgreSQL both take `$1`, `ON CONFLICT`, `RETURNING` and partial indexes; what differs
//! between them comes as an argument.

mod claims;
#[cfg(test)]
mod plans;
mod quota;

pub(crate) use claims::{
    COUNT_PLACES, REGISTER_WORKER, REMOVE_WORKER, claim_jobs, claim_parts, claim_ready, look_ahead,
};

pub(crate) use quota::{
    AHEAD, OPEN_BOOKS, PART_BOOKS, PURSE, QUOTAS, READ_BOOKS, RESERVED, SPENT, WAITING, WRITE_BOOKS,
    lock_books, wake,
};

pub(crate) const INSERT_JOB: &str = "INSERT INTO job (job_key, input, state, doc, version, failures, due_at, fence, \
     lease_until, at_rest, created_at, updated_at) VALUES ($1, $2, $3, $4, 0, 0, $5, 0, 0, 0, $5, $5) \
     ON CONFLICT (job_key) DO NOTHING";

pub(crate) const JOB_STATE: &str = "SELECT state, updated_at FROM job WHERE job_key = $1";

pub(crate) const JOB_COLUMNS: &str =
    "job_key, input, doc, version, failures, problem, due_at, fence, created_at, updated_at, cancel_at";

pub(crate) const PART_COLUMNS: &str = "part_key, job_key, part, attempt, plan, doc, deployment, cost, spent_at, remote, version, \
     failures, problem, due_at, fence, updated_at, cancel_at";

pub(crate) const HEARTBEAT_JOB: &str =
    "UPDATE job SET lease_until = $3 WHERE job_key = $1 AND fence = $2 AND lease_until > 0";
pub(crate) const HEARTBEAT_PART: &str =
    "UPDATE part SET lease_until = $3 WHERE part_key = $1 AND fence = $2 AND lease_until > 0";

/// A job that waits for its parts must not miss the last of them: its due time is decided here, in the transaction.
pub(crate) fn commit_job() -> String {
    format!(
        "UPDATE job SET state = $4, doc = $5, due_at = CASE WHEN $4 = 'running' AND NOT EXISTS ( \
             SELECT 1 FROM part WHERE part.job_key = $1 AND part.at_rest = 0) THEN $9 ELSE $6 END, \
           failures = $7, problem = $8, at_rest = $10, updated_at = $9, version = version + 1, \
           input = COALESCE($12, input), lease_until = CASE WHEN $11 = 1 THEN lease_until ELSE 0 END \
         WHERE job_key = $1 AND fence = $2 AND version = $3 AND lease_until > 0 RETURNING {JOB_COLUMNS}"
    )
}

pub(crate) fn commit_part() -> String {
    format!(
        // Whoever wrote this may not have seen a mark that was made since.
        "UPDATE part SET state = CASE WHEN $4 = 'ready' AND cancel_at IS NOT NULL THEN 'unwanted' ELSE $4 END, \
           doc = $5, due_at = CASE WHEN cancel_at >= updated_at THEN $9 ELSE $6 END, failures = $7, problem = $8, at_rest = $10, \
           in_flight = $12, remote = CASE WHEN batch_id = $13 THEN remote ELSE NULL END, batch_id = $13, since = $14, \
           deployment = COALESCE($15, deployment), holds_quota = $16, waits_since = $17, \
           cost = CASE $18 WHEN 0 THEN cost WHEN 1 THEN NULL ELSE $19 END, \
           spent_at = CASE $18 WHEN 0 THEN spent_at WHEN 1 THEN NULL ELSE COALESCE(spent_at, $9) END, \
           updated_at = $9, version = version + 1, lease_until = CASE WHEN $11 = 1 THEN lease_until ELSE 0 END \
         WHERE part_key = $1 AND fence = $2 AND version = $3 AND lease_until > 0 RETURNING {PART_COLUMNS}"
    )
}

/// A part becomes the member of a bundle; whoever holds it has lost it.
pub(crate) const MERGE_PART: &str = "UPDATE part SET state = $3, doc = $4, due_at = $5, failures = 0, problem = NULL, \
     updated_at = $6, version = version + 1, fence = fence + 1, lease_until = 0 \
     WHERE part_key = $1 AND version = $2 AND state = 'ready' RETURNING fence";

pub(crate) const WAKE_JOB: &str = "UPDATE job SET due_at = $2 WHERE job_key = $1 AND at_rest = 0 \
     AND NOT EXISTS (SELECT 1 FROM part WHERE part.job_key = $1 AND part.at_rest = 0)";

pub(crate) const INSERT_PART: &str = "INSERT INTO part (part_key, job_key, part, attempt, plan, state, doc, version, \
     failures, due_at, fence, lease_until, at_rest, in_flight, updated_at, tokens, deployment, cancel_at) \
     VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 = 'ready' AND \
         EXISTS (SELECT 1 FROM job WHERE job_key = $2 AND cancel_at IS NOT NULL) THEN 'unwanted' ELSE $6 END, \
       $7, 0, 0, $8, 0, 0, 0, $11, $9, $10, $12, \
       (SELECT cancel_at FROM job WHERE job_key = $2)) ON CONFLICT (part_key) DO NOTHING";

pub(crate) const INSERT_EVENT: &str =
    "INSERT INTO event (record_key, version, state, fence, at, doc) VALUES ($1, $2, $3, $4, $5, $6)";

/// The batches that run, in an order that all writers keep.
pub(crate) const RUNNING_BATCHES: &str =
    "SELECT part_key, batch_id, remote FROM part WHERE batch_id IS NOT NULL ORDER BY part_key";
pub(crate) const OBSERVE: &str = "UPDATE part SET remote = $2, due_at = CASE WHEN $3 = 1 THEN $4 ELSE due_at END \
     WHERE part_key = $1 AND batch_id = $5 AND (remote IS NULL OR remote <> $2)";

pub(crate) const IN_FLIGHT_BATCHES: &str = "SELECT COUNT(*), MIN(since) FROM part WHERE batch_id IS NOT NULL";

/// Which jobs to look at; each but the last has an index of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Jobs {
    /// Keys from `$1` up to, but not including, `$2`.
    Range,
    /// Not at rest.
    Unfinished,
    /// Both.
    UnfinishedInRange,
    /// All of them.
    All,
    /// Those that wait for a person.
    Quarantined,
    /// Those whose input begins with the `$2` characters `$3`. Looks at each, which is for a person's question.
    OfInput,
}

/// The newest `$1` jobs, oldest first; a range is `$2` to `$3`.
pub(crate) fn view_jobs(jobs: Jobs) -> String {
    let condition = match jobs {
        Jobs::Range => "WHERE job_key >= $2 AND job_key < $3",
        Jobs::Unfinished => "WHERE at_rest = 0",
        Jobs::UnfinishedInRange => "WHERE at_rest = 0 AND job_key >= $2 AND job_key < $3",
        Jobs::All => "",
        Jobs::Quarantined => "WHERE state = 'quarantined'",
        Jobs::OfInput => "WHERE substr(input, 1, CAST($2 AS INTEGER)) = $3",
    };
    format!(
        "SELECT {JOB_COLUMNS} FROM (SELECT {JOB_COLUMNS} FROM job {condition} \
           ORDER BY created_at DESC, job_key DESC LIMIT $1) AS newest ORDER BY created_at, job_key"
    )
}

/// The parts of so many jobs.
pub(crate) fn view_parts(jobs: usize) -> String {
    let keys: Vec<String> = (1..=jobs).map(|number| format!("${number}")).collect();
    format!(
        "SELECT {PART_COLUMNS} FROM part WHERE job_key IN ({}) ORDER BY job_key, part, attempt",
        keys.join(", ")
    )
}

/// `$2` is the document of the state `seen`. Here and below, `lock` takes the rows in the order that all writers keep.
pub(crate) fn retry_foreign(lock: &str) -> String {
    format!(
        "UPDATE job SET state = 'seen', doc = $2, at_rest = 0, due_at = $1 WHERE job_key IN ( \
           SELECT job_key FROM job WHERE state = 'foreign' ORDER BY job_key {lock})"
    )
}

pub(crate) fn retry_jobs(lock: &str) -> String {
    retry("job", "job_key", lock)
}

pub(crate) fn retry_parts(lock: &str) -> String {
    retry("part", "part_key", lock)
}

fn retry(table: &str, key: &str, lock: &str) -> String {
    format!(
        "UPDATE {table} SET due_at = $1 WHERE {key} IN ( \
           SELECT {key} FROM {table} WHERE at_rest = 0 AND problem IS NOT NULL AND failures > 0 AND due_at > $1 \
           ORDER BY {key} {lock})"
    )
}

/// The oldest of what was finished before.
pub(crate) fn prunable(skip: &str) -> String {
    format!(
        "SELECT job_key FROM job WHERE state IN ('done', 'dropped') AND updated_at < $1 \
         ORDER BY updated_at, job_key LIMIT $2 {skip}"
    )
}
/// In this order: a part refers to its job.
pub(crate) const PRUNE: [&str; 5] = [
    "INSERT INTO forgotten (job_key) VALUES ($1) ON CONFLICT (job_key) DO NOTHING",
    "DELETE FROM event WHERE record_key IN (SELECT part_key FROM part WHERE job_key = $1)",
    "DELETE FROM event WHERE record_key = $1",
    "DELETE FROM part WHERE job_key = $1",
    "DELETE FROM job WHERE job_key = $1",
];
pub(crate) const IS_FORGOTTEN: &str = "SELECT COUNT(*) FROM forgotten WHERE job_key = $1";

pub(crate) const CANCEL_JOB: &str =
    "UPDATE job SET cancel_at = COALESCE(cancel_at, $2) WHERE job_key = $1 AND at_rest = 0";
/// What a person has to decide on is marked, too, for when that is decided. What waits for a place waits no longer: the column says `unwanted`, so that it is claimed like what is under way. The state
/// itself is the document's.
pub(crate) fn cancel_parts(lock: &str) -> String {
    format!(
        "UPDATE part SET cancel_at = COALESCE(cancel_at, $2), due_at = $2, \
           state = CASE WHEN state = 'ready' THEN 'unwanted' ELSE state END WHERE part_key IN ( \
           SELECT part_key FROM part WHERE job_key = $1 AND state <> 'resolved' ORDER BY part_key {lock})"
    )
}

pub(crate) const TAKE_TURN: &str = "INSERT INTO endpoint (endpoint, owner, held_until) VALUES ($1, $2, $3) \
     ON CONFLICT (endpoint) DO UPDATE SET owner = $2, held_until = $3 \
     WHERE endpoint.owner = $2 OR endpoint.held_until <= $4";
pub(crate) const READ_TURN: &str = "SELECT held_until FROM endpoint WHERE endpoint = $1";

/// Answers whose it is. One statement: between two, the owner could come to rest.
pub(crate) const RESERVE: &str = "INSERT INTO reservation (name, job_key) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET job_key = reservation.job_key RETURNING job_key";
pub(crate) const RELEASE_NAMES: &str = "DELETE FROM reservation WHERE job_key = $1";

pub(crate) const RESTORE_JOB: &str = "INSERT INTO job (job_key, input, state, doc, version, failures, problem, due_at, \
     fence, lease_until, at_rest, created_at, updated_at) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, 0, 0, $8, $9, $7) \
     ON CONFLICT (job_key) DO NOTHING";
pub(crate) const RESTORE_PART: &str = "INSERT INTO part (part_key, job_key, part, attempt, plan, state, doc, batch_id, \
     since, version, failures, problem, due_at, fence, lease_until, at_rest, in_flight, updated_at, tokens, deployment, \
     holds_quota, waits_since, cost, spent_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, 0, 0, $13, $14, $12, $15, $16, $17, $18, $19, $20) ON CONFLICT (part_key) DO NOTHING";

/// Lets a decision write to a record at rest, as if it held a lease of the next fence.
pub(crate) const TAKE_JOB_AT_REST: &str = "UPDATE job SET fence = fence + 1, lease_until = 1 \
     WHERE job_key = $1 AND version = $2 AND at_rest = 1 RETURNING fence";
pub(crate) const TAKE_PART_AT_REST: &str = "UPDATE part SET fence = fence + 1, lease_until = 1 \
     WHERE part_key = $1 AND version = $2 AND at_rest = 1 RETURNING fence";

pub(crate) const VOID_WORKERS: &str = "DELETE FROM worker";
pub(crate) const VOID_TURNS: &str = "DELETE FROM endpoint";
pub(crate) const VOID_JOB_LEASES: &str =
    "UPDATE job SET lease_until = 0 WHERE at_rest = 0 AND lease_until > 0";
pub(crate) const VOID_PART_LEASES: &str =
    "UPDATE part SET lease_until = 0 WHERE at_rest = 0 AND lease_until > 0";

/// A due time after `$2` becomes `$1`, but for those that wait for an event (`$3`). For when nobody holds anything: each
/// reads one index of what is free.
pub(crate) const BRING_NEAR: [&str; 3] = [
    "UPDATE job SET due_at = $1 WHERE at_rest = 0 AND lease_until = 0 AND due_at > $2 AND due_at < $3",
    "UPDATE part SET due_at = $1 WHERE at_rest = 0 AND lease_until = 0 AND state <> 'ready' AND due_at > $2 AND due_at < $3",
    "UPDATE part SET due_at = $1 WHERE at_rest = 0 AND lease_until = 0 AND state = 'ready' AND due_at > $2 AND due_at < $3",
];

pub(crate) const READ_META: &str = "SELECT ledger_id, format FROM ledger_meta WHERE id = 1";
pub(crate) const INSERT_META: &str =
    "INSERT INTO ledger_meta (id, ledger_id, format) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";
