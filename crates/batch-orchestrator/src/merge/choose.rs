//! Which files go together. Pure: the same files give the same bundle.

use std::collections::HashSet;

use crate::{
    model::{JobPlan, Member, PartPlan, PartRecord, PartState, ProblemKind, TokenTotals},
    options::{LimitOptions, MergeOptions},
};

/// The most files in a bundle: their numbers make each `custom_id` longer.
const MOST_MEMBERS: usize = 1000;
/// What a number adds to a line: three digits and a dot.
const MARK_BYTES: u64 = 4;

/// A file that may be sent with others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SmallFile {
    pub(crate) member: Member,
    /// What its lines name as `model`: a batch has one.
    pub(crate) model: String,
    /// The version of its part.
    pub(crate) version: i64,
}

/// Whether a file with this plan is small enough to be sent with others.
pub(crate) fn is_small(plan: &JobPlan, merge: &MergeOptions) -> bool {
    matches!(plan.parts.as_slice(), [only] if only.upload_bytes <= merge.below)
}

impl SmallFile {
    /// A part that waits, whose file is small enough. One whose bundle came to nothing goes alone.
    pub(super) fn new(plan: &JobPlan, part: &PartRecord, merge: &MergeOptions) -> Option<Self> {
        let came_back = part.problem.as_ref().is_some_and(|problem| problem.kind != ProblemKind::Quota);
        let may =
            part.state == PartState::Ready && part.key.attempt == 1 && !came_back && part.cancel.is_none();
        (may && is_small(plan, merge)).then(|| Self {
            member: Member { part: part.key.clone(), input: part.input.clone(), plan: part.plan.clone() },
            model: plan.model.clone(),
            version: part.version,
        })
    }
}

/// All bundles that would be made of these, in this order; what would go alone is in none.
pub(crate) fn bundles(mut candidates: Vec<SmallFile>, limits: &LimitOptions) -> Vec<Vec<Member>> {
    let mut all = Vec::new();
    while !candidates.is_empty() {
        let chosen = fits_in(candidates.clone(), limits);
        // One alone is larger than a bundle may be.
        let gone: HashSet<_> = chosen.iter().map(|one| one.member.part.clone()).collect();
        let first = candidates[0].member.part.clone();
        candidates.retain(|one| one.member.part != first && !gone.contains(&one.member.part));
        if chosen.len() > 1 {
            all.push(chosen.into_iter().map(|one| one.member).collect());
        }
    }
    all
}

/// What a bundle holds so far.
#[derive(Debug)]
struct Load {
    members: usize,
    lines: u64,
    bytes: u64,
    tokens: TokenTotals,
}

/// The first candidate and those of the others that fit with it into one part, in their order.
pub(crate) fn fits_in(candidates: Vec<SmallFile>, limits: &LimitOptions) -> Vec<SmallFile> {
    let mut load = Load { members: 0, lines: 0, bytes: 0, tokens: TokenTotals::ZERO };
    let model = candidates.first().map(|first| first.model.clone());
    let mut chosen = candidates;
    chosen.retain(|one| Some(&one.model) == model.as_ref() && load.take(&one.member.plan, limits));
    chosen
}

impl Load {
    fn take(&mut self, plan: &PartPlan, limits: &LimitOptions) -> bool {
        let lines = self.lines + plan.lines;
        // One more, for a last line without its end.
        let bytes = self.bytes + plan.upload_bytes + plan.lines * MARK_BYTES + 1;
        let mut tokens = self.tokens;
        tokens.add(plan.tokens);
        let fits = self.members < MOST_MEMBERS
            && lines <= limits.max_lines
            && bytes <= limits.max_file_bytes
            && limits.max_part_tokens.is_none_or(|most| tokens.reserved() <= most);
        if fits {
            *self = Self { members: self.members + 1, lines, bytes, tokens };
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use adls_io::{ETag, LakePath, Location};

    use super::*;
    use crate::model::{InputSnapshot, JobKey, PartKey};

    fn candidate(name: &str, model: &str, lines: u64, bytes: u64, quota: u64) -> SmallFile {
        let location = Location::new("in", LakePath::parse(name).unwrap());
        let tokens = TokenTotals { quota, ..TokenTotals::ZERO };
        SmallFile {
            member: Member {
                part: PartKey { job: JobKey(name.into()), part: 1, attempt: 1 },
                input: InputSnapshot { location, etag: ETag("1".into()), size: bytes, modified_ms: 0 },
                plan: PartPlan {
                    number: 1,
                    first_line: 1,
                    lines,
                    offset: 0,
                    bytes,
                    upload_bytes: bytes,
                    tokens,
                    named: None,
                    again: None,
                },
            },
            model: model.into(),
            version: 0,
        }
    }

    fn chosen(limits: &LimitOptions, candidates: &[SmallFile]) -> Vec<String> {
        let chosen = fits_in(candidates.to_vec(), limits);
        chosen.into_iter().map(|one| one.member.part.job.0).collect()
    }

    #[test]
    fn a_bundle_has_one_model_and_stays_within_every_limit() {
        let all = [
            candidate("a", "m", 10, 100, 10),
            candidate("b", "other", 1, 1, 1),
            candidate("c", "m", 10, 100, 10),
            candidate("d", "m", 1, 10, 1),
        ];
        let limits = LimitOptions::default();
        assert_eq!(chosen(&limits, &all), ["a", "c", "d"]);
        assert_eq!(chosen(&LimitOptions { max_lines: 11, ..limits.clone() }, &all), ["a", "d"]);
        // 100 + 40 + 1, and 10 + 4 + 1.
        assert_eq!(chosen(&LimitOptions { max_file_bytes: 156, ..limits.clone() }, &all), ["a", "d"]);
        assert_eq!(chosen(&LimitOptions { max_file_bytes: 155, ..limits.clone() }, &all), ["a"]);
        assert_eq!(chosen(&LimitOptions { max_part_tokens: Some(20), ..limits.clone() }, &all), ["a", "c"]);
        assert_eq!(chosen(&limits, &[]), Vec::<String>::new());
        let names = |bundle: &Vec<Member>| bundle.iter().map(|m| m.part.job.0.clone()).collect::<String>();
        assert_eq!(bundles(all.to_vec(), &limits).iter().map(names).collect::<Vec<_>>(), ["acd"]);
        let narrow = LimitOptions { max_file_bytes: 20, ..limits };
        assert_eq!(bundles(all.to_vec(), &narrow).len(), 0, "nothing fits with anything");
    }

    #[test]
    fn the_numbers_of_a_bundle_have_three_digits() {
        let all: Vec<_> = (0..1500).map(|n| candidate(&n.to_string(), "m", 1, 1, 1)).collect();
        let chosen = chosen(&LimitOptions::default(), &all);
        assert_eq!(chosen.len(), MOST_MEMBERS);
        assert_eq!((chosen.len() - 1).to_string().len() as u64 + 1, MARK_BYTES);
    }
}
