//! Counting plain text: by the encoding where that is known and safe, by bytes otherwise.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::encoding::Encoding;
use crate::guard::is_fit;
use crate::tally::Tally;
use crate::{ImageSize, Provenance};

/// How the texts of one request are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counter<'a> {
    /// The model behind the request, if it is known.
    pub(crate) model: &'a str,
    pub(crate) encoding: Option<Encoding>,
    pub(crate) bytes_per_token: f64,
    pub(crate) unknown_image: ImageSize,
}

impl Counter<'_> {
    /// The tokens of a text. Text that looks like a special token is ordinary text, as it is to the service.
    pub(crate) fn text(&self, text: &str) -> Tally {
        let exact = self.encoding.filter(|_| is_fit(text)).and_then(|encoding| reference(encoding, text));
        exact.map_or_else(|| self.bytes(text.len()), |tokens| Tally::new(tokens, Provenance::Exact))
    }

    /// The tokens of so many bytes.
    pub(crate) fn bytes(&self, bytes: usize) -> Tally {
        let sane = self.bytes_per_token.is_finite() && self.bytes_per_token > 0.0;
        let divisor = if sane { self.bytes_per_token } else { 4.0 };
        // A float keeps whole numbers of this size exactly, and the cast saturates.
        Tally::new((bytes as f64 / divisor).ceil() as i64, Provenance::Estimate)
    }
}

/// The tables are built on first use and shared by all estimators.
fn reference(encoding: Encoding, text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    // The guard keeps away all that is known to make it panic; this is for what is not known.
    let counted = catch_unwind(AssertUnwindSafe(|| {
        let tokenizer = match encoding {
            Encoding::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
            Encoding::O200kBase => tiktoken_rs::o200k_base_singleton(),
        };
        tokenizer.count_ordinary(text)
    }));
    counted.ok().and_then(|tokens| i64::try_from(tokens).ok())
}
