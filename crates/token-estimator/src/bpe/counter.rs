//! Counting a text.

use std::{cell::RefCell, sync::LazyLock};

use super::{
    backtrack::Path, classes::Classes, memo::Memo, merge::Scratch, split::Pieces, vocabulary::Vocabulary,
};
use crate::Encoding;

/// Tables are made when they are first needed, and shared by all threads.
static CL100K: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::load(Encoding::Cl100kBase));
static O200K: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::load(Encoding::O200kBase));

/// What each thread keeps to itself.
struct Desk {
    memo: Memo,
    scratch: Scratch,
    path: Path,
}

thread_local! {
    static CL100K_DESK: RefCell<Desk> = RefCell::new(Desk::new());
    static O200K_DESK: RefCell<Desk> = RefCell::new(Desk::new());
}

impl Desk {
    fn new() -> Self {
        Self { memo: Memo::new(), scratch: Scratch::default(), path: Path::default() }
    }

    fn count(&mut self, vocabulary: &Vocabulary, text: &str, encoding: Encoding) -> u64 {
        if let Some(count) = self.memo.text(text) {
            return count;
        }
        let Self { memo, scratch, path } = self;
        let count =
            Pieces::new(text, encoding).map(|piece| vocabulary.count(memo, scratch, path, text, piece)).sum();
        self.memo.keep(text, count);
        count
    }
}

/// The tokens of a text, of which all is ordinary, special tokens too. Time and memory are linear in the text.
pub(crate) fn count(encoding: Encoding, text: &str) -> u64 {
    let (vocabulary, desk) = match encoding {
        Encoding::Cl100kBase => (&CL100K, &CL100K_DESK),
        Encoding::O200kBase => (&O200K, &O200K_DESK),
    };
    desk.with_borrow_mut(|desk| desk.count(vocabulary, text, encoding))
}

/// Makes the tables of an encoding, if they are not made yet.
pub(crate) fn load(encoding: Encoding) {
    LazyLock::force(match encoding {
        Encoding::Cl100kBase => &CL100K,
        Encoding::O200kBase => &O200K,
    });
    Classes::get();
}
