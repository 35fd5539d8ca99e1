//! Counting plain text: by the encoding where that is known, by bytes otherwise.

use crate::bpe;
use crate::encoding::Encoding;
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
        let exact = self.encoding.and_then(|encoding| i64::try_from(bpe::count(encoding, text)).ok());
        exact.map_or_else(|| self.bytes(text.len()), |tokens| Tally::text(tokens, Provenance::Exact))
    }

    /// The tokens of so many bytes.
    pub(crate) fn bytes(&self, bytes: usize) -> Tally {
        let sane = self.bytes_per_token.is_finite() && self.bytes_per_token > 0.0;
        let divisor = if sane { self.bytes_per_token } else { 4.0 };
        // A float keeps whole numbers of this size exactly, and the cast saturates.
        Tally::text((bytes as f64 / divisor).ceil() as i64, Provenance::Estimate)
    }
}
