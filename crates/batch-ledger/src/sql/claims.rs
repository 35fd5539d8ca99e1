//! What a claim asks, in the texts that have to be fast: each branch reads one partial index and stops at its limit.
//!
//! Records that nobody holds (`lease_until = 0`) are told from those whose holder may have died. So neither what is at
//! rest nor what is held stands in the way of what is due, however much of it there is.

use super::{JOB_COLUMNS, PART_COLUMNS};

/// The records that are due, oldest first, and their lease. `skip` keeps claimers out of each other's way where that is
/// needed. Each branch is computed once: a subquery with a limit that locks must not be run again for every row.
fn claim(table: &str, key: &str, which: &str, columns: &str, skip: &str) -> String {
    let branch = |lease: &str| {
        format!(
            "AS MATERIALIZED (SELECT {key}, due_at FROM {table} WHERE at_rest = 0 AND {lease}{which} \
               AND due_at <= $2 ORDER BY due_at, {key} LIMIT $4 {skip})"
        )
    };
    let (free, late) = (branch("lease_until = 0"), branch("lease_until > 0 AND lease_until <= $2"));
    format!(
        "WITH free {free}, late {late}, \
         due AS MATERIALIZED (SELECT {key} FROM (SELECT * FROM free UNION ALL SELECT * FROM late) AS candidates \
           ORDER BY due_at, {key} LIMIT $4) \
         UPDATE {table} SET owner = $1, fence = fence + 1, lease_until = $3 \
         WHERE {key} IN (SELECT {key} FROM due) RETURNING {columns}"
    )
}

/// Of what is claimed, only that whose end is wanted.
fn only(marked: bool) -> &'static str {
    if marked { " AND cancel_at IS NOT NULL" } else { "" }
}

/// Parts that are due, but for `ready` ones.
pub(crate) fn claim_parts(marked: bool, skip: &str) -> String {
    claim("part", "part_key", &format!(" AND state <> 'ready'{}", only(marked)), PART_COLUMNS, skip)
}

/// `ready` parts that are due: as many as there are places.
pub(crate) fn claim_ready(skip: &str) -> String {
    claim("part", "part_key", " AND state = 'ready'", PART_COLUMNS, skip)
}

pub(crate) fn claim_jobs(marked: bool, skip: &str) -> String {
    claim("job", "job_key", only(marked), JOB_COLUMNS, skip)
}

/// The places of all living workers, those that are taken (by parts in flight, or just claimed for it), and whether a part
/// waits for one.
pub(crate) const COUNT_PLACES: &str = "SELECT \
     (SELECT CAST(COALESCE(SUM(places), 0) AS BIGINT) FROM worker WHERE alive_until > $1) AS places, \
     (SELECT COUNT(*) FROM part WHERE in_flight = 1) + (SELECT COUNT(*) FROM part \
       WHERE at_rest = 0 AND lease_until > 0 AND state = 'ready' AND lease_until > $1) AS taken, \
     (SELECT COUNT(*) FROM (SELECT 1 FROM part WHERE at_rest = 0 AND lease_until = 0 AND state = 'ready' \
         AND due_at <= $1 LIMIT 1) AS free) \
       + (SELECT COUNT(*) FROM (SELECT 1 FROM part WHERE at_rest = 0 AND lease_until > 0 AND lease_until <= $1 \
         AND state = 'ready' AND due_at <= $1 LIMIT 1) AS late) AS waiting";

/// When the next record becomes due that nobody holds (`ready` parts do not count while the window is full, $2 = 1), and
/// how many jobs are unfinished.
pub(crate) fn look_ahead(marked: bool) -> String {
    let only = only(marked);
    format!(
        "SELECT (SELECT MIN(due_at) FROM ( \
           SELECT due_at FROM (SELECT due_at FROM part WHERE at_rest = 0 AND lease_until = 0 AND state <> 'ready'{only} \
             ORDER BY due_at LIMIT 1) AS parts \
           UNION ALL SELECT due_at FROM (SELECT due_at FROM part WHERE at_rest = 0 AND lease_until = 0 AND state = 'ready' \
             AND $2 = 0{only} ORDER BY due_at LIMIT 1) AS ready \
           UNION ALL SELECT due_at FROM part WHERE at_rest = 0 AND lease_until > 0 AND lease_until <= $1 \
             AND ($2 = 0 OR state <> 'ready'){only} \
           UNION ALL SELECT due_at FROM (SELECT due_at FROM job WHERE at_rest = 0 AND lease_until = 0{only} \
             ORDER BY due_at LIMIT 1) AS jobs \
           UNION ALL SELECT due_at FROM job WHERE at_rest = 0 AND lease_until > 0 AND lease_until <= $1{only}) AS waiting \
         ) AS next_due, \
         (SELECT COUNT(*) FROM job WHERE at_rest = 0 AND lease_until = 0) \
           + (SELECT COUNT(*) FROM job WHERE at_rest = 0 AND lease_until > 0) AS unfinished"
    )
}

/// Writes only what changed, or what runs out soon ($4): a worker that only looks costs no write.
pub(crate) const REGISTER_WORKER: &str = "INSERT INTO worker (id, places, alive_until) VALUES ($1, $2, $3) \
     ON CONFLICT (id) DO UPDATE SET places = $2, alive_until = $3 \
     WHERE worker.places <> $2 OR worker.alive_until < $4 OR worker.alive_until > $3";
pub(crate) const REMOVE_WORKER: &str = "DELETE FROM worker WHERE id = $1 OR alive_until <= $2";
