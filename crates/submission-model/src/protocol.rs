//! What a variant of the protocol does and leaves out, what the service does to it, and how far we look.

/// The rules that the workers follow. The product follows [`Protocol::FULL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Protocol {
    /// The intent is written before the `POST`, and a doubt is looked into. Without it a doubt is a reason to `POST`
    /// again.
    pub intent: bool,
    /// Which batches of a listing are taken for ours.
    pub adopt: Adopt,
    /// Whether there is a listing before the fence.
    pub first_list: bool,
    /// The input is deleted before another generation is sent. Without it the same input is sent again.
    pub fence: bool,
    /// Whether there is a listing after the fence.
    pub second_list: bool,
    /// When a listing without our batch proves something.
    pub proof: Proof,
    /// How the service names an input.
    pub input: Input,
    /// The ledger refuses writes with an old fence.
    pub guarded: bool,
    /// A batch of an earlier generation that was adopted and failed makes us look again, for it says nothing of the
    /// present generation.
    pub look_again: bool,
}

impl Protocol {
    /// Everything.
    pub const FULL: Self = Self {
        intent: true,
        adopt: Adopt::AnyGeneration,
        first_list: true,
        fence: true,
        second_list: true,
        proof: Proof::SettledWhenAsked,
        input: Input::Id,
        guarded: true,
        look_again: true,
    };
}

/// Which batches of a listing are taken for ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Adopt {
    /// None.
    Never,
    /// Those of the present generation.
    OwnGeneration,
    /// Those of the present and of all earlier ones.
    AnyGeneration,
}

/// When a listing without our batch proves that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Always.
    AtOnce,
    /// If the settle time was over when the listing was asked for.
    SettledWhenAsked,
    /// If the settle time is over when the answer is written down.
    SettledWhenAnswered,
}

/// How the service names an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Input {
    /// By an id that never comes back.
    Id,
    /// By a path that we chose, one for each generation: whoever writes it late brings the input back.
    Path,
}

/// What the service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Service {
    /// A batch shows in lists only some time after it was created. That time is never longer than the settle time.
    pub lag: bool,
    /// What comes of a `POST` whose input was deleted.
    pub deleted_input: DeletedInput,
}

/// What comes of a `POST` whose input was deleted. Neither costs anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeletedInput {
    /// It is refused.
    Refused,
    /// It is refused, or it becomes a batch that fails later.
    RefusedOrFailedBatch,
}

/// How far we look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Workers.
    pub workers: u8,
    /// Crashes, altogether.
    pub crashes: u8,
    /// Pauses long enough to lose the lease, altogether.
    pub pauses: u8,
    /// Generations of the attempt.
    pub generations: u8,
    /// `POST`s, altogether.
    pub sends: u8,
    /// How often the service refuses what it could do: a `POST` for good or for now, or a batch for want of room.
    pub refusals: u8,
}
