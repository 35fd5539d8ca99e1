//! Whether one more batch fits.

use std::time::Duration;

use super::QuotaRecord;
use crate::model::{Problem, ProblemKind, Timestamp};

/// How long a part waits for room before it is looked at again without a wake-up.
const AGAIN: Duration = Duration::from_mins(1);

/// The wish to create a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intent {
    /// The configured limit of the deployment, in tokens.
    pub limit: Option<u64>,
    /// A part that has waited for so long is not overtaken any more.
    pub patience: Duration,
    /// What the batch will cost at the most, in billionths of a dollar.
    pub cost: u64,
    /// What may be spent.
    pub budgets: Vec<Budget>,
}

/// What may be spent since a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// What it is called, such as `limits.max_cost_per_day`.
    pub name: &'static str,
    /// Since when spending counts.
    pub since: Timestamp,
    /// When it counts anew; `None` if never.
    pub renewed: Option<Timestamp>,
    /// So much, in billionths of a dollar.
    pub limit: u64,
}

/// What the ledger knows at this moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Load {
    /// Tokens of this part, by our figure.
    pub tokens: u64,
    /// Tokens of the other batches that may run.
    pub reserved: u64,
    /// Tokens of parts that have waited beyond patience, and longer than this one.
    pub ahead: u64,
    /// What was spent, for each budget.
    pub spent: Vec<u64>,
}

/// Why a batch is not created now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoom {
    /// The deployment's quota is taken.
    Tokens {
        /// Tokens that it needs, as the service counts.
        needs: u64,
        /// Tokens that are taken.
        taken: u64,
        /// Tokens that older parts wait for.
        ahead: u64,
        /// The limit.
        limit: u64,
    },
    /// A budget is spent.
    Money {
        /// Which.
        budget: Budget,
        /// What was spent.
        spent: u64,
        /// What the batch would add.
        cost: u64,
    },
}

impl Intent {
    /// A part that waits since before then is not overtaken: it has waited beyond patience, and longer than the part of this
    /// intent, which waits since `own`.
    #[must_use]
    pub fn longest_overtaken(&self, own: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let patience = i64::try_from(self.patience.as_millis()).unwrap_or(i64::MAX);
        Timestamp(now.0.saturating_sub(patience)).min(own.unwrap_or(now))
    }
}

impl QuotaRecord {
    /// Whether a batch may be created now.
    ///
    /// A deployment of which nothing is reserved always takes one: what a foreign user takes up can only be found out by
    /// trying, and the part's own back-off spaces the tries.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, intent: &Intent, load: &Load, now: Timestamp) -> Result<(), NoRoom> {
        for (budget, spent) in intent.budgets.iter().zip(&load.spent) {
            if spent.saturating_add(intent.cost) > budget.limit {
                return Err(NoRoom::Money { budget: budget.clone(), spent: *spent, cost: intent.cost });
            }
        }
        let Some(limit) = self.effective_limit(intent.limit, now) else { return Ok(()) };
        let [needs, taken, ahead] =
            [load.tokens, load.reserved, load.ahead].map(|tokens| self.scaled(tokens));
        if taken == 0 && ahead == 0 || needs.saturating_add(taken).saturating_add(ahead) <= limit {
            Ok(())
        } else {
            Err(NoRoom::Tokens { needs, taken, ahead, limit })
        }
    }
}

impl NoRoom {
    /// When to look again, if nothing wakes the part before.
    #[must_use]
    pub fn again_at(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Tokens { .. } => now.after(AGAIN),
            Self::Money { budget, .. } => budget.renewed.unwrap_or_else(|| now.after(AGAIN)),
        }
    }

    /// For people.
    #[must_use]
    pub fn problem(&self, since: Timestamp) -> Problem {
        let (kind, message, hint) = match self {
            Self::Tokens { needs, taken, ahead, limit } => {
                let ahead =
                    if *ahead > 0 { format!(", {ahead} are promised to older parts") } else { String::new() };
                (
                    ProblemKind::Quota,
                    format!(
                        "waits for room: it needs {needs} tokens, {taken} of {limit} are enqueued{ahead}"
                    ),
                    "it is submitted by itself when running batches have ended",
                )
            }
            Self::Money { budget, spent, cost } => (
                ProblemKind::Budget,
                format!(
                    "{} is used up: {} of {} spent, this batch may cost {}",
                    budget.name,
                    dollars(*spent),
                    dollars(budget.limit),
                    dollars(*cost)
                ),
                match budget.renewed {
                    Some(_) => "it is submitted by itself on the next day (UTC), or raise the limit",
                    None => "run again with a higher limit; nothing is lost",
                },
            ),
        };
        Problem { kind, message, hint: Some(hint.to_owned()), lasting: kind == ProblemKind::Budget, since }
    }
}

fn dollars(nano: u64) -> String {
    format!("${}.{:04}", nano / 1_000_000_000, nano % 1_000_000_000 / 100_000)
}

#[cfg(test)]
mod tests;
