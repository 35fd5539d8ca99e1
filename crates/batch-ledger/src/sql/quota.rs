//! The books of the deployments.

/// Where a part is, what it takes, and since when it waits; `$1` is its key.
pub(crate) const PART_BOOKS: &str =
    "SELECT deployment, tokens, holds_quota, waits_since FROM part WHERE part_key = $1";

/// The row that stands for all money; no deployment is called so.
pub(crate) const PURSE: &str = "";

/// Makes sure that there is a row to lock.
pub(crate) const OPEN_BOOKS: &str =
    "INSERT INTO quota (deployment, doc) VALUES ($1, '{}') ON CONFLICT (deployment) DO NOTHING";

/// One at a time: two would both see the last of the room.
pub(crate) fn lock_books(lock: &str) -> String {
    format!("SELECT doc FROM quota WHERE deployment = $1 {lock}")
}

pub(crate) const WRITE_BOOKS: &str = "UPDATE quota SET doc = $2 WHERE deployment = $1 AND doc <> $2";

/// Tokens of batches of the others that may run.
pub(crate) const RESERVED: &str = "SELECT CAST(COALESCE(SUM(tokens), 0) AS BIGINT) FROM part \
     WHERE deployment = $1 AND holds_quota = 1 AND part_key <> $2";

/// Tokens of the others that wait since before `$3`.
pub(crate) const AHEAD: &str = "SELECT CAST(COALESCE(SUM(tokens), 0) AS BIGINT) FROM part \
     WHERE deployment = $1 AND waits_since IS NOT NULL AND waits_since < $3 AND part_key <> $2";

/// What the others have cost since `$2`.
pub(crate) const SPENT: &str = "SELECT CAST(COALESCE(SUM(cost), 0) AS BIGINT) FROM part \
     WHERE spent_at IS NOT NULL AND spent_at >= $2 AND part_key <> $1";

/// Those that wait, oldest first; a longer list is looked at again when the first of it have gone.
pub(crate) const WAITING: &str = "SELECT part_key, waits_since, tokens FROM part \
     WHERE deployment = $1 AND waits_since IS NOT NULL ORDER BY waits_since, part_key LIMIT 200";

/// They are due at `$1`. Whoever is held just now looks by itself.
pub(crate) fn wake(parts: usize, skip: &str) -> String {
    let keys: Vec<String> = (2..2 + parts).map(|number| format!("${number}")).collect();
    format!(
        "UPDATE part SET due_at = $1 WHERE part_key IN ( \
           SELECT part_key FROM part WHERE part_key IN ({}) AND lease_until = 0 AND due_at > $1 ORDER BY part_key {skip})",
        keys.join(", ")
    )
}

/// What is known of a deployment.
pub(crate) const READ_BOOKS: &str = "SELECT doc FROM quota WHERE deployment = $1";

/// All books, and what is reserved, coming and waiting.
pub(crate) const QUOTAS: &str = "SELECT quota.deployment AS deployment, quota.doc AS doc, \
     CAST(COALESCE(SUM(CASE WHEN part.holds_quota = 1 THEN part.tokens ELSE 0 END), 0) AS BIGINT) AS reserved, \
     CAST(COALESCE(SUM(CASE WHEN part.state IN ('uploading', 'uploaded') THEN part.tokens ELSE 0 END), 0) AS BIGINT) \
       AS coming, \
     CAST(COALESCE(SUM(CASE WHEN part.waits_since IS NOT NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS waiting \
     FROM quota LEFT JOIN part ON part.deployment = quota.deployment AND part.in_flight = 1 \
     WHERE quota.deployment <> '' \
     GROUP BY quota.deployment, quota.doc ORDER BY quota.deployment";
