//! Where things are in the lake: inputs, results, and our own directory.

use adls_io::{Location, PathError};

use crate::model::{InputSnapshot, JobKey, PartKey, Target, Timestamp};
use crate::options::LakeOptions;

/// Our own directory in the processed filesystem.
const OWN: &str = "_aoai-batch";

/// Computes every path that the pipeline uses; the only place that does.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    account: String,
    input: Location,
    processed: Location,
    error: Location,
}

impl Layout {
    pub(crate) fn new(options: &LakeOptions) -> Self {
        Self {
            account: options.account.clone(),
            input: options.input.clone(),
            processed: options.processed.clone(),
            error: options.error.clone(),
        }
    }

    /// Whether a path below the input directory is none of the user's inputs: results and our own files, where all
    /// of them share a filesystem.
    pub(crate) fn is_ours(&self, location: &Location) -> bool {
        let inside = |directory: &Location| {
            // A result directory that contains the whole input directory cannot exclude it.
            directory.filesystem == location.filesystem
                && self.input.path.relative_to(&directory.path).is_none()
                && location.path.relative_to(&directory.path).is_some()
        };
        location.path.segments().next() == Some(OWN) || inside(&self.processed) || inside(&self.error)
    }

    /// Where the results of an input go if it is planned at `planned_at`.
    pub(crate) fn target(&self, input: &Location, planned_at: Timestamp) -> Result<Target, PathError> {
        let relative = input.path.relative_to(&self.input.path).unwrap_or_else(|| input.path.clone());
        let name = relative.file_name();
        // The name up to the last dot; a leading dot is part of the name.
        let (stem, extension) = match name.rfind('.') {
            Some(dot) if dot > 0 => name.split_at(dot),
            _ => (name, ""),
        };
        let directory = format!("{}/{stem}_{}", relative.parent(), planned_at.stamp());
        Ok(Target {
            processed: self.processed.join(&directory)?,
            error: self.error.join(&directory)?,
            stem: stem.to_owned(),
            extension: extension.to_owned(),
        })
    }

    /// The directory of the claim markers.
    pub(crate) fn claims(&self) -> Result<Location, PathError> {
        self.own("claims")
    }

    /// The claim marker of an input version, whichever of its jobs holds it.
    pub(crate) fn claim(&self, input: &InputSnapshot) -> Result<Location, PathError> {
        self.own(&format!("claims/{}.json", JobKey::derive(&self.account, input, 0)))
    }

    /// How a job is cut, and where its results go.
    pub(crate) fn plan(&self, key: &JobKey) -> Result<Location, PathError> {
        self.own(&format!("work/{key}/plan.json"))
    }

    /// The directory of the work directories.
    pub(crate) fn works(&self) -> Result<Location, PathError> {
        self.own("work")
    }

    /// The work directory of a job.
    pub(crate) fn work(&self, key: &JobKey) -> Result<Location, PathError> {
        self.own(&format!("work/{key}"))
    }

    /// The report of a job that was refused.
    pub(crate) fn rejection(&self, key: &JobKey) -> Result<Location, PathError> {
        self.own(&format!("work/{key}/rejection.jsonl"))
    }

    /// The index of a part: which line has which `custom_id`.
    pub(crate) fn index(&self, key: &JobKey, part: u32) -> Result<Location, PathError> {
        self.own(&format!("work/{key}/p{part:04}.index.jsonl"))
    }

    /// A harvested file of a part attempt.
    pub(crate) fn harvest(&self, key: &PartKey, what: &str) -> Result<Location, PathError> {
        self.own(&format!("work/{}/p{:04}-a{}.{what}.jsonl", key.job, key.part, key.attempt))
    }

    /// A part's share of a bundle's results.
    pub(crate) fn share(&self, key: &PartKey) -> Result<Location, PathError> {
        self.own(&format!("work/{}/p{:04}-a{}.share.json", key.job, key.part, key.attempt))
    }

    /// The directory of the bundles.
    pub(crate) fn bundles(&self) -> Result<Location, PathError> {
        self.own("bundles")
    }

    /// The directory of a bundle: its table, its input, and in the end its manifest.
    pub(crate) fn bundle(&self, key: &JobKey) -> Result<Location, PathError> {
        self.bundles()?.join(&key.0)
    }

    /// The lines of a bundle.
    pub(crate) fn bundle_input(&self, key: &JobKey) -> Result<Location, PathError> {
        self.bundle(key)?.join("input.jsonl")
    }

    /// Who the members of a bundle are.
    pub(crate) fn bundle_table(&self, key: &JobKey) -> Result<Location, PathError> {
        self.bundle(key)?.join("members.json")
    }

    /// Where a bundle says that its results are with its members. It has no results of its own.
    pub(crate) fn bundle_target(&self, key: &JobKey) -> Result<Target, PathError> {
        let directory = self.bundle(key)?;
        Ok(Target {
            processed: directory.clone(),
            error: directory,
            stem: "input".to_owned(),
            extension: ".jsonl".to_owned(),
        })
    }

    /// The copy of a generation's bytes that the service reads from the lake.
    pub(crate) fn staged(&self, key: &PartKey, generation: u32) -> Result<Location, PathError> {
        self.own(&format!("work/{}/staged/{}.jsonl", key.job, generation_name(key, generation)))
    }

    /// Whose copy it is, and of which generation.
    pub(crate) fn parse_staged(&self, at: &Location) -> Option<(PartKey, u32)> {
        let directory = self.own("work").ok()?;
        let inside =
            at.path.relative_to(&directory.path).filter(|_| at.filesystem == directory.filesystem)?;
        let (job, name) = inside.as_str().split_once("/staged/")?;
        PartKey::parse_service_file(&format!("{}{job}-{name}", PartKey::SERVICE_PREFIX))
    }

    /// The directory where the service puts a generation's results.
    pub(crate) fn results(&self, key: &PartKey, generation: u32) -> Result<Location, PathError> {
        self.own(&format!("work/{}/results/{}", key.job, generation_name(key, generation)))
    }

    fn own(&self, path: &str) -> Result<Location, PathError> {
        Location::new(self.processed.filesystem.clone(), adls_io::LakePath::root())
            .join(&format!("{OWN}/{path}"))
    }
}

fn generation_name(key: &PartKey, generation: u32) -> String {
    format!("p{:04}-a{}-g{generation}", key.part, key.attempt)
}

#[cfg(test)]
mod tests {
    use adls_io::LakePath;

    use super::*;

    fn at(filesystem: &str, path: &str) -> Location {
        Location::new(filesystem, LakePath::parse(path).unwrap())
    }

    fn layout(input: Location, processed: Location, error: Location) -> Layout {
        Layout { account: "account".into(), input, processed, error }
    }

    #[test]
    fn results_keep_the_directory_and_the_whole_stem() {
        let layout = layout(at("in", "inbox"), at("out", "done"), at("err", ""));
        let target =
            layout.target(&at("in", "inbox/sub/dir/a.b.jsonl"), Timestamp(1_700_000_000_000)).unwrap();
        assert_eq!(target.processed.to_string(), "out/done/sub/dir/a.b_2023-11-14_22_13_20");
        assert_eq!(target.error.to_string(), "err/sub/dir/a.b_2023-11-14_22_13_20");
        assert_eq!(target.file_name("output"), "a.b_output.jsonl");
        assert_eq!(target.raw_name(), "a.b.jsonl");
    }

    #[test]
    fn a_copy_tells_whose_it_is() {
        let layout = layout(at("in", ""), at("out", "done"), at("err", ""));
        let part = PartKey { job: JobKey("0123456789abcdef01234567".into()), part: 12, attempt: 2 };
        let staged = layout.staged(&part, 3).unwrap();
        assert_eq!(layout.parse_staged(&staged), Some((part, 3)));
        let elsewhere = Location { filesystem: "in".into(), ..staged };
        assert_eq!(layout.parse_staged(&elsewhere), None);
        assert_eq!(layout.parse_staged(&at("out", "_aoai-batch/work/x/staged/y.jsonl")), None);
    }

    #[test]
    fn a_name_without_a_dot_has_no_extension() {
        let layout = layout(at("in", ""), at("out", ""), at("err", ""));
        let target = layout.target(&at("in", "name"), Timestamp(0)).unwrap();
        assert_eq!(target.file_name("output"), "name_output");
        let hidden = layout.target(&at("in", ".hidden"), Timestamp(0)).unwrap();
        assert_eq!(hidden.file_name("output"), ".hidden_output");
    }

    #[test]
    fn results_below_the_input_directory_are_not_inputs() {
        let layout = layout(at("lake", ""), at("lake", "processed"), at("lake", "error"));
        assert!(layout.is_ours(&at("lake", "processed/x/x_output.jsonl")));
        assert!(layout.is_ours(&at("lake", "error/x.jsonl")));
        assert!(layout.is_ours(&at("lake", "_aoai-batch/claims/1.json")));
        assert!(!layout.is_ours(&at("lake", "processed.jsonl")));
        assert!(!layout.is_ours(&at("lake", "inbox/x.jsonl")));
    }

    #[test]
    fn inputs_below_the_result_directory_are_inputs() {
        let layout = layout(at("lake", "inbox"), at("lake", ""), at("lake", "error"));
        assert!(!layout.is_ours(&at("lake", "inbox/x.jsonl")));
    }
}
