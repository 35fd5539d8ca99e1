//! What a commit of a part does to the books; the same for every ledger.

use super::PartCommit;
use crate::{
    model::{PartState, Spending, Timestamp},
    quota::{Load, NoRoom, QuotaChange, QuotaRecord},
};

/// What becomes of the money that a part was taken to cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpendingChange {
    /// It stays.
    Keep,
    /// Nothing is spent: there is no batch.
    Clear,
    /// So much, in billionths of a dollar.
    Set(u64),
}

impl PartCommit {
    /// Keeps the books of the part's deployment, within the transaction that commits. An intent for which there is no room
    /// becomes a commit that waits: the lease is given back, and the file stays where it is.
    #[must_use]
    pub fn booked(self, record: &mut QuotaRecord, load: &Load, now: Timestamp) -> Self {
        match &self.account.change {
            None => self,
            Some(change @ QuotaChange::Intent(intent)) => {
                record.apply(change, load.tokens, load.reserved, now);
                match record.admit(intent, load, now) {
                    Ok(()) => self,
                    Err(no_room) => self.waiting(&no_room, now),
                }
            }
            Some(change) => {
                record.apply(change, load.tokens, load.reserved, now);
                self
            }
        }
    }

    /// What becomes of the money.
    #[must_use]
    pub fn spending(&self) -> SpendingChange {
        let before_intent = matches!(
            self.state,
            PartState::Ready
                | PartState::Recovering { .. }
                | PartState::Uploading { .. }
                | PartState::Uploaded(_)
        );
        match (&self.account.change, self.account.cost) {
            _ if before_intent => SpendingChange::Clear,
            (_, Some(cost)) => SpendingChange::Set(cost),
            (Some(QuotaChange::Intent(intent)), None) => SpendingChange::Set(intent.cost),
            _ => SpendingChange::Keep,
        }
    }

    fn waiting(self, no_room: &NoRoom, now: Timestamp) -> Self {
        let PartState::Creating { mut submission, .. } = self.state else { return self };
        let since = *submission.postponed_since.get_or_insert(now);
        Self {
            state: PartState::Uploaded(submission),
            due_at: no_room.again_at(now),
            // A new run looks again at once, as after any failure.
            failures: 1,
            problem: Some(no_room.problem(since)),
            keep: false,
            account: super::Account::default(),
            next: None,
        }
    }
}

impl SpendingChange {
    /// What is spent after it.
    #[must_use]
    pub fn apply(self, before: Option<Spending>, now: Timestamp) -> Option<Spending> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(cost) => Some(Spending { at: before.map_or(now, |spending| spending.at), cost }),
        }
    }
}
