//! One state of the whole system: ledger, workers, network, service, and what may still go wrong.

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What the ledger says of the attempt.
    pub record: Record,
    /// Whether somebody holds it.
    pub lease: Lease,
    /// The settle time of `Uncertain` and `Fenced`.
    pub settling: Settling,
    /// The workers.
    pub workers: Vec<Worker>,
    /// `POST`s that are under way.
    pub posts: Vec<Post>,
    /// The inputs at the service, by generation.
    pub inputs: Vec<Stored>,
    /// The batches at the service, by age.
    pub batches: Vec<Batch>,
    /// Crashes that may still happen.
    pub crashes: u8,
    /// Pauses that may still happen.
    pub pauses: u8,
    /// `POST`s that may still be sent.
    pub sends: u8,
    /// How often the service may still refuse what it could do.
    pub refusals: u8,
}

/// The ledger's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    /// From 1.
    pub generation: u8,
    /// The state of the attempt.
    pub stage: Stage,
}

/// The state of the attempt; the names are those of the real machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The input is on its way.
    Uploading,
    /// The input is at the service.
    Uploaded,
    /// The intent is written.
    Creating,
    /// The `POST` may have been carried out.
    Uncertain,
    /// The input is to be deleted.
    Fencing,
    /// The input is deleted.
    Fenced,
    /// The ledger believes in this batch.
    Submitted(u8),
    /// Over, with the results of this batch or with none.
    Ended(Option<u8>),
}

/// The lease on the row. Who holds it is the worker that is `current`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lease {
    /// Nobody's.
    Free,
    /// Somebody's.
    Live,
    /// Somebody's who was away for too long. Until another takes it, the fence is the same and a write passes.
    Expired,
}

/// The settle time, without a clock: when it is over, every batch that was there at its beginning is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Settling {
    /// The batches at its beginning, as bits, as far as they were not listed yet.
    pub hidden: u8,
    /// Whether it is over.
    pub over: bool,
}

/// A worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worker {
    /// Has nothing in hand.
    Idle,
    /// Works on the attempt.
    Busy {
        /// Its fence is the ledger's. If not, it is a zombie: it may send, but not write.
        current: bool,
        /// The generation that it read.
        generation: u8,
        /// The stage that it read.
        stage: Stage,
        /// It entered that stage itself.
        fresh: bool,
        /// What it is at.
        doing: Doing,
    },
}

/// What a worker is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doing {
    /// Before the effect of the stage.
    Effect,
    /// Waits for the answer to its `POST`.
    Waiting,
    /// Knows the answer, and has not written it down.
    Answer(super::Event),
}

/// A `POST` under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Post {
    /// Names the input of this generation.
    pub generation: u8,
    /// Somebody still waits for the answer.
    pub awaited: bool,
}

/// An input at the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// Not there yet.
    Absent,
    /// There.
    Present,
    /// There no more.
    Deleted,
}

/// A batch at the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Batch {
    /// Reads the input of this generation.
    pub generation: u8,
    /// How far it is.
    pub status: Status,
    /// Whether it shows in lists.
    pub listed: bool,
}

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It cost nothing.
    Failed(Failure),
    /// Accepted, not begun. `doomed`: its input was gone when it was created, so it can only fail.
    Validating {
        /// See there.
        doomed: bool,
    },
    /// Will be paid for.
    Billed,
}

/// Why a batch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// There was no room.
    Room,
    /// Its input was gone.
    Input,
}

impl State {
    /// The batches that will be paid for.
    pub fn billed(&self) -> impl Iterator<Item = usize> {
        self.batches.iter().enumerate().filter(|(_, batch)| batch.status == Status::Billed).map(|(id, _)| id)
    }

    /// The input of a generation.
    #[must_use]
    pub fn input(&self, generation: u8) -> Stored {
        self.inputs[usize::from(generation) - 1]
    }

    pub(crate) fn input_mut(&mut self, generation: u8) -> &mut Stored {
        &mut self.inputs[usize::from(generation) - 1]
    }
}
