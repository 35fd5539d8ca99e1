//! What becomes of each line, and of each batch: drawn once from the seed, whoever asks and however often.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, rngs::SmallRng};

/// Something that the pipeline must not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Odd {
    /// A result of a request that was never sent.
    Extra,
    /// A second result of one request.
    Duplicate,
    /// An error that nobody has heard of.
    UnknownCode,
    /// One answer more is counted than there is, in batches that expire.
    Short,
}

/// How lines fare in a world.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Fates {
    /// The share of lines that need more than one try.
    pub(crate) flaky: f64,
    /// Every line is refused for good.
    pub(crate) all_fail: bool,
    /// Batches may fail without cost, or be cancelled by somebody else.
    pub(crate) rough: bool,
    /// Each batch has something that must not be taken.
    pub(crate) odd: Option<Odd>,
}

/// What one try at a line comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Try {
    /// Answered, and paid for.
    Answered,
    /// 429 or 500.
    Busy(u16),
    /// In neither file.
    Lost,
    /// In the output file, without a status.
    Zero,
    /// 400.
    Filtered,
}

/// What one batch comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All of its lines are tried.
    Completed,
    /// Half of them.
    Expired,
    /// Half of them, for somebody else has cancelled it; the others have lines in the error file, or none.
    Cancelled { told: bool },
}

impl Fates {
    /// Whether this line fails for good, whenever it is tried.
    pub(crate) fn is_filtered(&self, id: &str) -> bool {
        self.all_fail || id.ends_with('4')
    }

    /// What this try comes to; the first is 0.
    pub(crate) fn of(&self, seed: u64, id: &str, tries: u32) -> Try {
        if self.is_filtered(id) {
            return Try::Filtered;
        }
        let hash = id
            .bytes()
            .fold(seed ^ 0xfa7e, |hash, byte| hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
        let mut chance = SmallRng::seed_from_u64(hash);
        if chance.random::<f64>() >= self.flaky {
            return Try::Answered;
        }
        let (kind, times) = (chance.random_range(0..4), chance.random_range(1..=2));
        match (kind, tries < times) {
            (0, true) => Try::Busy(429),
            (1, true) => Try::Busy(500),
            (2, _) if tries == 0 => Try::Lost,
            (3, _) if tries == 0 => Try::Zero,
            _ => Try::Answered,
        }
    }
}

/// The two result files of a batch.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) output: String,
    pub(crate) error: String,
}

impl Written {
    fn answer(&mut self, id: &str, status: u16) {
        let usage = r#"{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}"#;
        let response = format!(r#"{{"status_code":{status},"request_id":"r","body":{{"usage":{usage}}}}}"#);
        self.output.push_str(&format!(r#"{{"custom_id":"{id}","response":{response},"error":null}}"#));
        self.output.push('\n');
    }

    fn refuse(&mut self, id: &str, status: u16, code: &str) {
        let body = format!(r#"{{"error":{{"code":"{code}","message":"no"}}}}"#);
        let response = format!(r#"{{"status_code":{status},"request_id":"r","body":{body}}}"#);
        self.error.push_str(&format!(r#"{{"custom_id":"{id}","response":{response},"error":null}}"#));
        self.error.push('\n');
    }

    fn never(&mut self, id: &str, code: &str) {
        let told = format!(r#"{{"code":"{code}","message":"not done"}}"#);
        self.error.push_str(&format!(r#"{{"custom_id":"{id}","response":null,"error":{told}}}"#));
        self.error.push('\n');
    }

    /// What a batch of these lines has written in the end; `tried` are those that it got to.
    pub(crate) fn of(all: &[String], tried: &[Try], end: End, odd: Option<Odd>) -> Self {
        let mut written = Self::default();
        for (number, id) in all.iter().enumerate() {
            match (tried.get(number), end) {
                (Some(Try::Answered), _) => written.answer(id, 200),
                (Some(Try::Zero), _) => written.answer(id, 0),
                (Some(Try::Busy(status)), _) => written.refuse(id, *status, "too_many_requests"),
                (Some(Try::Filtered), _) => written.refuse(id, 400, "content_filter"),
                (Some(Try::Lost), _) | (None, End::Cancelled { told: false }) => {}
                (None, End::Cancelled { told: true }) => written.never(id, "batch_cancelled"),
                (None, _) => written.never(id, "batch_expired"),
            }
        }
        match odd {
            Some(Odd::Extra) => written.answer("nobody-knows", 200),
            Some(Odd::Duplicate) => {
                let first = all.first().map(String::as_str).unwrap_or_default();
                written.answer(first, 200);
                written.answer(first, 200);
            }
            Some(Odd::UnknownCode) => {
                let last = all.last().map(String::as_str).unwrap_or_default();
                let mine = format!(r#""custom_id":"{last}""#);
                let others = |text: &str| {
                    text.lines()
                        .filter(|line| !line.contains(&mine))
                        .map(|line| format!("{line}\n"))
                        .collect()
                };
                (written.output, written.error) = (others(&written.output), others(&written.error));
                written.never(last, "teapot");
            }
            Some(Odd::Short) | None => {}
        }
        written
    }
}

/// How often each line was tried.
#[derive(Default)]
pub(crate) struct Tries(BTreeMap<String, u32>);

impl Tries {
    /// One more try; how many there were before.
    pub(crate) fn count(&mut self, id: &str) -> u32 {
        // As it was before it was merged.
        let id = id.split_once('.').map_or(id, |(_, id)| id);
        let tries = self.0.entry(id.to_owned()).or_default();
        *tries += 1;
        *tries - 1
    }
}
