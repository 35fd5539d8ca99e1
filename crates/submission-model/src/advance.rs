//! The transitions of the ledger's row.

use crate::{Protocol, Record, Stage};

/// What a worker learned; the names are those of the real machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The input is at the service.
    InputStored,
    /// It can be used.
    FileReady,
    /// It cannot.
    FileUnusable,
    /// The batch exists.
    Created(u8),
    /// There will be no batch.
    CreateRefused,
    /// There is no batch, but there may be one another time.
    CreatePostponed,
    /// There may be a batch.
    CreateUncertain,
    /// Somebody else wrote the intent.
    Interrupted,
    /// A listing shows our batch.
    BatchFound(u8),
    /// A listing does not show it.
    BatchNotFound {
        /// The settle time was over when the listing was asked for.
        settled: bool,
    },
    /// The input is deleted.
    InputDeleted,
    /// The batch has ended.
    BatchEnded,
    /// The batch failed for want of room.
    BatchPostponed,
    /// The batch failed, and was not the present generation's.
    OtherGenerationFailed,
}

/// The next row, or `None` where the event makes no sense.
#[must_use]
pub fn advance(protocol: &Protocol, generations: u8, record: Record, event: Event) -> Option<Record> {
    use Event as E;
    use Stage as S;
    let Record { generation, stage } = record;
    let go = |stage| Some(Record { generation, stage });
    let next_generation = || {
        Some(if generation >= generations {
            Record { generation, stage: S::Ended(None) }
        } else {
            Record { generation: generation + 1, stage: S::Uploading }
        })
    };
    match (stage, event) {
        (S::Uploading, E::InputStored) => go(S::Uploaded),
        (S::Uploaded, E::FileReady) => go(S::Creating),
        (S::Uploaded, E::FileUnusable) => next_generation(),

        // The `POST` leaves from `Uploaded` where no intent is written.
        (S::Creating | S::Uploaded, E::Created(batch)) => go(S::Submitted(batch)),
        (S::Creating | S::Uploaded, E::CreateRefused) => go(S::Ended(None)),
        (S::Creating | S::Uploaded, E::CreatePostponed) => go(S::Uploaded),
        (S::Uploaded, E::CreateUncertain) => go(S::Uploaded),

        (S::Creating, E::CreateUncertain | E::Interrupted) => {
            go(if protocol.first_list { S::Uncertain } else { S::Fencing })
        }
        (S::Uncertain | S::Fenced, E::BatchFound(batch)) => go(S::Submitted(batch)),
        (S::Uncertain | S::Fenced, E::BatchNotFound { settled: false }) => Some(record),
        (S::Uncertain, E::BatchNotFound { settled: true }) => {
            go(if protocol.fence { S::Fencing } else { S::Uploaded })
        }
        (S::Fencing, E::InputDeleted) if protocol.second_list => go(S::Fenced),
        (S::Fencing, E::InputDeleted) | (S::Fenced, E::BatchNotFound { settled: true }) => next_generation(),

        (S::Submitted(batch), E::BatchEnded) => go(S::Ended(Some(batch))),
        (S::Submitted(_), E::BatchPostponed) => go(S::Uploaded),
        (S::Submitted(_), E::FileUnusable) => next_generation(),
        (S::Submitted(_), E::OtherGenerationFailed) => go(S::Uncertain),
        _ => None,
    }
}
