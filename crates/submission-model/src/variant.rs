//! The variants by letter: what is left out, and what that costs.

use crate::{Adopt, Bounds, DeletedInput, Input, ONE, Proof, Protocol, Service, Submission};

/// A variant of the protocol, and the verdict on it.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// Its name.
    pub letter: char,
    /// In words.
    pub what: &'static str,
    /// The rules.
    pub protocol: Protocol,
    /// The service.
    pub service: Service,
    /// How far we look.
    pub bounds: Bounds,
    /// The property that does not hold, if one does not.
    pub breaks: Option<&'static str>,
}

impl Variant {
    /// The variant of that name.
    #[must_use]
    pub fn by_letter(letter: char) -> Option<&'static Self> {
        VARIANTS.iter().find(|variant| variant.letter.eq_ignore_ascii_case(&letter))
    }

    /// The model of it, `nameless` or not.
    #[must_use]
    pub fn model(&self, nameless: bool) -> Submission {
        Submission { protocol: self.protocol, service: self.service, bounds: self.bounds, nameless }
    }
}

const PROMPT: Service = Service { lag: false, deleted_input: DeletedInput::Refused };
const LAGGING: Service = Service { lag: true, ..PROMPT };
const DOOMED: Service = Service { lag: true, deleted_input: DeletedInput::RefusedOrFailedBatch };

const ADOPT_ONLY: Protocol = Protocol { fence: false, proof: Proof::AtOnce, ..Protocol::FULL };

const CREDULOUS: Protocol = Protocol { look_again: false, ..Protocol::FULL };

const LONE: Bounds = Bounds { workers: 1, crashes: 0, pauses: 0, generations: 3, sends: 3, refusals: 0 };
const CRASHING: Bounds = Bounds { crashes: 1, ..LONE };
const PAUSING: Bounds = Bounds { workers: 2, pauses: 1, ..LONE };
const TWO: Bounds = Bounds { workers: 2, crashes: 2, pauses: 2, ..LONE };
const MIXED: Bounds = Bounds { workers: 2, crashes: 1, pauses: 1, ..LONE };
const ROOM: Bounds = Bounds { sends: 4, refusals: 1, ..MIXED };
const THREE: Bounds = Bounds { workers: 3, ..TWO };

const fn variant(
    letter: char,
    what: &'static str,
    protocol: Protocol,
    service: Service,
    bounds: Bounds,
    breaks: Option<&'static str>,
) -> Variant {
    Variant { letter, what, protocol, service, bounds, breaks }
}

/// All.
pub const VARIANTS: [Variant; 18] = [
    variant(
        'A',
        "plain retry: no intent, a doubt is sent again",
        Protocol { intent: false, ..ADOPT_ONLY },
        PROMPT,
        LONE,
        Some(ONE),
    ),
    variant('B', "intent, list, adopt; one crash", ADOPT_ONLY, PROMPT, CRASHING, Some(ONE)),
    variant('C', "the same; one pause", ADOPT_ONLY, PROMPT, PAUSING, Some(ONE)),
    variant('D', "intent, list, delete the input, list", Protocol::FULL, PROMPT, TWO, None),
    variant(
        'E',
        "D with list lag, and no settle time",
        Protocol { proof: Proof::AtOnce, ..Protocol::FULL },
        LAGGING,
        TWO,
        Some(ONE),
    ),
    variant('F', "D with list lag, and a settle time", Protocol::FULL, LAGGING, TWO, None),
    variant('G', "F with three workers", Protocol::FULL, LAGGING, THREE, None),
    variant(
        'H',
        "F without adoption: only the fence",
        Protocol { adopt: Adopt::Never, ..Protocol::FULL },
        LAGGING,
        LONE,
        Some(ONE),
    ),
    variant(
        'I',
        "F without the listing after the fence",
        Protocol { second_list: false, ..Protocol::FULL },
        LAGGING,
        LONE,
        Some(ONE),
    ),
    variant(
        'J',
        "F without the listing before the fence",
        Protocol { first_list: false, ..Protocol::FULL },
        LAGGING,
        TWO,
        None,
    ),
    variant('K', "F where the service may refuse for good or for now", Protocol::FULL, LAGGING, ROOM, None),
    variant(
        'L',
        "F with a ledger that takes writes with an old fence",
        Protocol { guarded: false, ..Protocol::FULL },
        LAGGING,
        TWO,
        Some(ONE),
    ),
    variant(
        'M',
        "F where the settle time must be over when the answer is written, not when it was asked for",
        Protocol { proof: Proof::SettledWhenAnswered, ..Protocol::FULL },
        LAGGING,
        LONE,
        Some(ONE),
    ),
    variant(
        'N',
        "F with inputs named by path: a zombie's write brings a deleted input back",
        Protocol { input: Input::Path, ..Protocol::FULL },
        LAGGING,
        PAUSING,
        Some(ONE),
    ),
    variant(
        'O',
        "F where a POST for a deleted input may become a batch that fails later",
        Protocol::FULL,
        DOOMED,
        MIXED,
        None,
    ),
    variant('P', "O that believes such a batch of an earlier generation", CREDULOUS, DOOMED, LONE, Some(ONE)),
    variant('Q', "P without lag", CREDULOUS, Service { lag: false, ..DOOMED }, LONE, Some(ONE)),
    variant(
        'R',
        "P that adopts only batches of the present generation",
        Protocol { adopt: Adopt::OwnGeneration, ..CREDULOUS },
        DOOMED,
        MIXED,
        None,
    ),
];
