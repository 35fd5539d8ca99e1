//! Names that a fresh ledger derives again: from what the input is, never from chance.

use std::fmt;

use adls_io::{ETag, Location};
use sha2::{Digest, Sha256};

use super::Timestamp;

/// One version of one input file, as a listing saw it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InputSnapshot {
    /// Where it is.
    pub location: Location,
    /// Its version: every read carries it as `If-Match`.
    pub etag: ETag,
    /// Bytes.
    pub size: u64,
    /// Milliseconds since 1970 (UTC), by the lake's clock.
    pub modified_ms: i64,
}

impl InputSnapshot {
    /// Where bundles are, in the processed filesystem.
    pub const BUNDLES: &str = "_aoai-batch/bundles/";

    /// Whether it was put together from the small files of other jobs.
    #[must_use]
    pub fn is_bundle(&self) -> bool {
        self.location.path.as_str().starts_with(Self::BUNDLES)
    }
}

/// The key of a job: 24 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct JobKey(pub String);

impl JobKey {
    /// How many digits a key has.
    pub const DIGITS: usize = 24;

    /// The key of an input version: `hex(sha256(account|filesystem|path|etag))[..Self::DIGITS]`.
    ///
    /// `incarnation` counts how often this very version has been processed before: someone who moves an archived
    /// file back wants it done again.
    #[must_use]
    pub fn derive(account: &str, input: &InputSnapshot, incarnation: u32) -> Self {
        let mut hash = Sha256::new();
        for field in [account, &input.location.filesystem, input.location.path.as_str(), &input.etag.0] {
            hash.update(field.as_bytes());
            hash.update(b"|");
        }
        if incarnation > 0 {
            hash.update(incarnation.to_string().as_bytes());
        }
        Self(hex(&hash.finalize())[..Self::DIGITS].to_owned())
    }

    /// The key of a bundle that was decided on at this time.
    #[must_use]
    pub fn of_bundle<'a>(
        ledger: &str,
        members: impl IntoIterator<Item = &'a PartKey>,
        now: Timestamp,
    ) -> Self {
        let mut hash = Sha256::new();
        hash.update(format!("{ledger}|{}", now.0));
        for member in members {
            hash.update(format!("|{member}"));
        }
        Self(hex(&hash.finalize())[..Self::DIGITS].to_owned())
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key of a part attempt: `<job>-p0001-a1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct PartKey {
    /// Its job.
    pub job: JobKey,
    /// From 1, in the order of the input.
    pub part: u32,
    /// From 1.
    pub attempt: u32,
}

impl PartKey {
    /// How all our service files begin.
    pub const SERVICE_PREFIX: &str = "aob-";

    /// What [`service_file`](Self::service_file) was made from; `None` for a name that is not ours.
    #[must_use]
    pub fn parse_service_file(name: &str) -> Option<(Self, u32)> {
        let name = name.strip_prefix(Self::SERVICE_PREFIX)?.strip_suffix(".jsonl")?;
        let mut fields = name.rsplitn(4, '-');
        let mut number = |tag: char| fields.next()?.strip_prefix(tag)?.parse::<u32>().ok();
        let (generation, attempt, part) = (number('g')?, number('a')?, number('p')?);
        let job = JobKey(fields.next().filter(|job| job.len() == 24)?.to_owned());
        let key = Self { job, part, attempt };
        // Only the one spelling: `+1` and `01` are numbers too.
        (key.service_file(generation) == format!("{}{name}.jsonl", Self::SERVICE_PREFIX))
            .then_some((key, generation))
    }

    /// The name of the service file of a generation; also what tells our files from everybody else's.
    #[must_use]
    pub fn service_file(&self, generation: u32) -> String {
        format!("{}{self}-g{generation}.jsonl", Self::SERVICE_PREFIX)
    }
}

impl fmt::Display for PartKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-p{:04}-a{}", self.job, self.part, self.attempt)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use adls_io::LakePath;

    use super::*;

    fn input(etag: &str) -> InputSnapshot {
        let location = Location::new("in", LakePath::parse("a/b.jsonl").unwrap());
        InputSnapshot { location, etag: ETag(etag.into()), size: 1, modified_ms: 0 }
    }

    #[test]
    fn a_key_depends_on_the_version_and_on_nothing_else() {
        let key = JobKey::derive("account", &input("1"), 0);
        assert_eq!(key.0.len(), 24);
        assert_eq!(
            key,
            JobKey::derive("account", &InputSnapshot { size: 9, modified_ms: 9, ..input("1") }, 0)
        );
        assert_ne!(key, JobKey::derive("account", &input("2"), 0));
        assert_ne!(key, JobKey::derive("other", &input("1"), 0));
        assert_ne!(key, JobKey::derive("account", &input("1"), 1));
    }

    #[test]
    fn service_files_carry_part_attempt_and_generation() {
        let key = PartKey { job: JobKey("abc".into()), part: 1, attempt: 2 };
        assert_eq!(key.service_file(3), "aob-abc-p0001-a2-g3.jsonl");
    }

    #[test]
    fn the_name_of_a_service_file_is_read_back_and_no_other() {
        let key = PartKey { job: JobKey::derive("account", &input("1"), 0), part: 12_345, attempt: 2 };
        let name = key.service_file(3);
        assert_eq!(PartKey::parse_service_file(&name), Some((key, 3)));
        for other in [
            name.replace(".jsonl", ""),
            name.replace("aob-", "abo-"),
            name.replace("-g3", "-g+3"),
            name.replace("-a2", "-a02"),
            "aob-abc-p0001-a2-g3.jsonl".into(),
            "aob-probe-1.jsonl".into(),
            "aob-.jsonl".into(),
        ] {
            assert_eq!(PartKey::parse_service_file(&other), None, "{other}");
        }
    }
}
