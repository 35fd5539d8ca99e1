//! Which files would be sent together.

use super::{FileForecast, FileVerdict};
use crate::{
    merge::{SmallFile, bundles, is_small},
    model::{InputSnapshot, JobKey, Member, PartKey, PartPlan},
    options::LimitOptions,
};

/// Marks the files that would be sent together; answers with each of these batches as one part.
pub(super) fn merge(
    files: &mut [FileForecast],
    versions: Vec<InputSnapshot>,
    limits: &LimitOptions,
) -> Vec<PartPlan> {
    let Some(options) = &limits.merge else { return Vec::new() };
    let small = files.iter().zip(versions).enumerate().filter_map(|(number, (file, input))| {
        let FileVerdict::Planned { plan, .. } = &file.verdict else { return None };
        let only = plan.parts.first().filter(|_| is_small(plan, options))?;
        // The place in the list will do for a key: nothing is written.
        let part = PartKey { job: JobKey(number.to_string()), part: 1, attempt: 1 };
        let member = Member { part, input, plan: only.clone() };
        Some(SmallFile { member, model: plan.model.clone(), version: 0 })
    });
    let bundles = bundles(small.collect(), limits);
    for (bundle, members) in (1..).zip(&bundles) {
        for member in members {
            let file = member.part.job.0.parse().ok().and_then(|number: usize| files.get_mut(number));
            if let Some(FileVerdict::Planned { bundle: of, .. }) = file.map(|file| &mut file.verdict) {
                *of = Some(bundle);
            }
        }
    }
    bundles.iter().filter_map(|members| together(members)).collect()
}

fn together(members: &[Member]) -> Option<PartPlan> {
    let (first, rest) = members.split_first()?;
    let mut sum = first.plan.clone();
    for member in rest {
        sum.lines += member.plan.lines;
        sum.bytes += member.plan.bytes;
        sum.upload_bytes += member.plan.upload_bytes;
        sum.tokens.add(member.plan.tokens);
    }
    Some(sum)
}
