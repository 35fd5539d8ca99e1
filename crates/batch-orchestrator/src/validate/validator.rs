//! A whole file, checked on the caller's thread.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use token_estimator::TokenEstimator;

use super::{
    checked::check_block,
    line::{Checker, Rules},
    merge::{IndexBlock, Merge},
    report::Verdict,
    split::{BLOCK_BYTES, Splitter},
};

/// Validates and plans a file, chunk by chunk. It neither waits nor knows where the bytes come from.
///
/// # Guarantees
/// * The verdict and the index do not depend on where the chunks are cut.
/// * Memory is bounded by the longest line allowed, a chunk, and 24 bytes for each line.
pub struct Validator<'a> {
    checker: Checker<'a>,
    estimator: Option<&'a dyn TokenEstimator>,
    splitter: Splitter,
    merge: Merge<'a>,
    hash: Sha256,
    bytes: u64,
}

impl std::fmt::Debug for Validator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Validator").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl<'a> Validator<'a> {
    /// A validator; without an estimator no tokens are counted.
    #[must_use]
    pub fn new(rules: &'a Rules, estimator: Option<&'a dyn TokenEstimator>) -> Self {
        Self {
            checker: Checker::new(rules, estimator.is_some()),
            estimator,
            splitter: Splitter::new(rules.limits.max_line_bytes, BLOCK_BYTES),
            merge: Merge::new(rules),
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Takes the next bytes; answers with the blocks of the index that are full.
    pub fn push(&mut self, chunk: Bytes) -> Vec<IndexBlock> {
        self.hash.update(&chunk);
        self.bytes += chunk.len() as u64;
        self.splitter.push(chunk);
        let mut ready = Vec::new();
        while let Some(block) = self.splitter.next_full() {
            ready.extend(self.merge.take(check_block(&self.checker, self.estimator, &block)));
        }
        ready
    }

    /// Ends the file: the verdict, and the rest of the index.
    #[must_use]
    pub fn finish(mut self) -> (Verdict, Vec<IndexBlock>) {
        self.splitter.end();
        let last = self.splitter.take_block();
        let mut ready = self.merge.take(check_block(&self.checker, self.estimator, &last));
        let (verdict, rest) = self.merge.finish(&self.splitter, self.bytes, self.hash);
        ready.extend(rest);
        (verdict, ready)
    }
}
