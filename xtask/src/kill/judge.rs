//! The verdict on what a round left. It reads files and books; it knows nothing of how they were made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    plan::{Input, Inputs},
    tree::Tree,
    worker::is_leftover,
};

/// The pipeline's own directory in the processed one.
const OWN: &str = "_aoai-batch/";
/// `_2026-01-31_23_59_59`, `0` for any digit.
const STAMP: &str = "_0000-00-00_00_00_00";
const ENDED: [&str; 4] = ["completed", "failed", "expired", "cancelled"];

/// All there is to judge by.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// What was done before is not in the ledger any more.
    pub(super) ledger_lost: bool,
    pub(super) inputs: Inputs,
    pub(super) input: Tree,
    pub(super) processed: Tree,
    pub(super) error: Tree,
    /// What the service billed.
    pub(super) books: Value,
    /// What the service still has.
    pub(super) state: Value,
    /// What the program says.
    pub(super) status: Value,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) violations: Vec<String>,
    /// Temporary files of writers that were killed.
    pub(super) leftovers: usize,
    pub(super) output_lines: u64,
    pub(super) error_lines: u64,
    pub(super) batches: usize,
}

/// Judges; every violation is told, not the first.
pub(super) fn judge(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::default();
    let mut archives = Archives::default();
    for (place, tree) in
        [("input", &evidence.input), ("processed", &evidence.processed), ("error", &evidence.error)]
    {
        for (path, content) in tree {
            if is_leftover(path) {
                verdict.leftovers += 1;
            } else if let Some(rest) = path.strip_prefix(OWN) {
                // The two directories themselves stay.
                if content.is_some() || rest.contains('/') {
                    verdict.violations.push(format!("{place}/{path} is left"));
                }
            } else if let Some(content) = content {
                archives.take(&mut verdict, place, path, content);
            }
        }
    }
    for (path, input) in &evidence.inputs {
        let stem = path.strip_suffix(".jsonl").unwrap_or(path);
        let found = archives.0.remove(stem).unwrap_or_default();
        let lines = complete(stem, input, &found);
        match lines {
            Ok((output, error)) => {
                verdict.output_lines += output;
                verdict.error_lines += error;
            }
            Err(why) => verdict.violations.push(format!("{path}: {why}")),
        }
    }
    for stem in archives.0.keys() {
        verdict.violations.push(format!("{stem} is archived, and nobody put it in"));
    }
    service(evidence, &mut verdict);
    status(evidence, &mut verdict);
    verdict
}

/// The directories of one input: by their stamp the files, each with its place.
type Stamps<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a str, &'a [u8])>>;

#[derive(Default)]
struct Archives<'a>(BTreeMap<&'a str, Stamps<'a>>);

impl<'a> Archives<'a> {
    fn take(&mut self, verdict: &mut Verdict, place: &'a str, path: &'a str, content: &'a [u8]) {
        let parsed = path.rsplit_once('/').and_then(|(directory, name)| {
            let (stem, stamp) = directory.split_at_checked(directory.len().checked_sub(STAMP.len())?)?;
            let fits = stamp.chars().zip(STAMP.chars()).all(|(c, pattern)| match pattern {
                '0' => c.is_ascii_digit(),
                other => c == other,
            });
            fits.then_some((stem, stamp, name))
        });
        match parsed {
            Some((stem, stamp, name)) if place != "input" => {
                self.0.entry(stem).or_default().entry(stamp).or_default().push((place, name, content));
            }
            _ => verdict.violations.push(format!("{place}/{path} should not be there")),
        }
    }
}

/// An input is archived once, with everything; its lines of output and of errors.
fn complete(stem: &str, input: &Input, stamps: &Stamps<'_>) -> Result<(u64, u64), String> {
    let files = match stamps.iter().collect::<Vec<_>>()[..] {
        [(_, files)] => files,
        [] => return Err("it is not archived".to_owned()),
        _ => return Err(format!("it is archived twice: {:?}", stamps.keys())),
    };
    let stem = stem.rsplit('/').next().unwrap_or(stem);
    let all = |name: &str| -> Vec<&[u8]> {
        files.iter().filter(|(_, found, _)| *found == name).map(|(_, _, content)| *content).collect()
    };
    let one = |name: String| match all(&name)[..] {
        [content] => {
            String::from_utf8(content.to_vec()).map(Some).map_err(|e| format!("{name} is not UTF-8: {e}"))
        }
        [] => Ok(None),
        _ => Err(format!("{name} is there twice")),
    };
    if one(format!("{stem}.jsonl"))?.as_deref() != Some(&input.text) {
        return Err("the input is not kept as it was".to_owned());
    }
    let manifests = all("manifest.json");
    let manifest = manifests.first().ok_or("it has no manifest")?;
    if manifests.iter().any(|other| other != manifest) {
        return Err("its two manifests differ".to_owned());
    }
    let manifest: Value = serde_json::from_slice(manifest).map_err(|e| format!("manifest.json: {e}"))?;
    listed(&manifest, files)?;

    let output = one(format!("{stem}_output.jsonl"))?;
    let error = one(format!("{stem}_error.jsonl"))?.unwrap_or_default();
    if input.broken {
        return match output {
            None if manifest["outcome"] == "rejected" && !error.is_empty() => Ok((0, 0)),
            _ => Err(format!("it is broken, and was not refused: {}", manifest["outcome"])),
        };
    }
    let wanted = ids(&input.text)?;
    let (output, error) = (ids(&output.unwrap_or_default())?, ids(&error)?);
    let order: BTreeMap<&String, usize> = wanted.iter().zip(0..).collect();
    if !output.is_sorted_by_key(|id| order.get(id)) {
        return Err("its output is not in the order of the input".to_owned());
    }
    let mut answered: Vec<&String> = output.iter().chain(&error).collect();
    answered.sort();
    let mut sorted: Vec<&String> = wanted.iter().collect();
    sorted.sort();
    if answered != sorted {
        return Err(format!("{sorted:?} were put in, {answered:?} are answered"));
    }
    let failed = ids(&one(format!("{stem}_failed.jsonl"))?.unwrap_or_default())?;
    if failed.iter().collect::<BTreeSet<_>>() != error.iter().collect() {
        return Err(format!("{error:?} failed, {failed:?} are kept to be sent again"));
    }
    let counts = (output.len() as u64, error.len() as u64);
    let told = ["output", "error"].map(|name| manifest["counts"][name].as_u64());
    if told != [Some(counts.0), Some(counts.1)] {
        return Err(format!("its manifest counts {told:?}, its files {counts:?}"));
    }
    Ok(counts)
}

/// Every file that the manifest lists is there, with its length.
fn listed(manifest: &Value, files: &[(&str, &str, &[u8])]) -> Result<(), String> {
    for artifact in manifest["artifacts"].as_array().into_iter().flatten() {
        let path = artifact["path"].as_str().unwrap_or_default();
        let there = files.iter().any(|(place, name, content)| {
            path.starts_with(&format!("{place}/"))
                && path.ends_with(&format!("/{name}"))
                && artifact["bytes"] == content.len()
        });
        if !there {
            return Err(format!("its manifest lists {path}, which is not there or not as long"));
        }
    }
    Ok(())
}

/// The `custom_id` of every line, in order.
fn ids(text: &str) -> Result<Vec<String>, String> {
    let id = |line| {
        let value: Value = serde_json::from_str(line).map_err(|e| format!("not JSON: {e}: {line}"))?;
        value["custom_id"].as_str().map(str::to_owned).ok_or_else(|| format!("no custom_id in {line}"))
    };
    text.lines().map(id).collect()
}

/// Nothing was billed twice, nothing that was billed is lost, and nothing of ours is left there.
fn service(evidence: &Evidence, verdict: &mut Verdict) {
    let Evidence { books, state, .. } = evidence;
    for list in ["paid_twice", "lines_paid_twice"] {
        match books[list].as_array() {
            Some(lines) if lines.is_empty() => {}
            _ => verdict.violations.push(format!("{list}: {}", books[list])),
        }
    }
    if books["billed_total"].as_u64() != Some(verdict.output_lines) {
        verdict.violations.push(format!(
            "{} lines were billed, {} are in the lake",
            books["billed_total"], verdict.output_lines
        ));
    }
    match state["files"].as_array() {
        Some(files) => {
            verdict.violations.extend(files.iter().map(|file| format!("left at the service: {file}")))
        }
        None => verdict.violations.push(format!("the service tells no files: {state}")),
    }
    let batches = state["batches"].as_array().map(Vec::as_slice).unwrap_or_default();
    verdict.batches = batches.len();
    for batch in batches {
        if !ENDED.iter().any(|ended| batch["status"] == *ended) {
            verdict.violations.push(format!("a batch still runs: {batch}"));
        }
    }
}

/// Every input has one job that is done, or had one in a ledger that was lost; a listing that was late may have made further ones, which were dropped.
fn status(evidence: &Evidence, verdict: &mut Verdict) {
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    for job in evidence.status["jobs"].as_array().into_iter().flatten() {
        let path = job["path"].as_str().unwrap_or_default();
        match job["state"]["state"].as_str() {
            Some("done") => *done.entry(path).or_default() += 1,
            Some("dropped") => {}
            _ => verdict.violations.push(format!("{path} is not done: {}", job["state"])),
        }
    }
    for path in evidence.inputs.keys() {
        let count = done.get(format!("input/{path}").as_str()).copied().unwrap_or_default();
        if count != 1 && !(evidence.ledger_lost && count == 0) {
            verdict.violations.push(format!("{path}: {count} jobs are done"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STAMPED: &str = "sub/a_2026-01-31_23_59_59";

    fn lines(ids: &[&str]) -> String {
        ids.iter().map(|id| format!("{}\n", json!({ "custom_id": id }))).collect()
    }

    /// What a good round leaves: two lines succeeded, one failed, one file was refused.
    fn good() -> Evidence {
        let input = |text: String, broken| Input { text, broken };
        let mut evidence = Evidence::default();
        evidence.inputs.insert("sub/a.jsonl".into(), input(lines(&["1", "2", "3"]), false));
        evidence.inputs.insert("b.jsonl".into(), input("broken".into(), true));
        let manifest = json!({
            "outcome": "partial", "counts": { "output": 2, "error": 1 },
            "artifacts": [{ "path": format!("processed/{STAMPED}/a_output.jsonl"), "bytes": lines(&["1", "3"]).len() }],
        })
        .to_string();
        let mut put = |place: &str, path: &str, text: String| {
            let tree = if place == "error" { &mut evidence.error } else { &mut evidence.processed };
            tree.insert(path.to_owned(), Some(text.into_bytes()));
        };
        put("processed", &format!("{STAMPED}/a.jsonl"), lines(&["1", "2", "3"]));
        put("processed", &format!("{STAMPED}/a_output.jsonl"), lines(&["1", "3"]));
        put("processed", &format!("{STAMPED}/manifest.json"), manifest.clone());
        put("error", &format!("{STAMPED}/manifest.json"), manifest);
        put("error", &format!("{STAMPED}/a_error.jsonl"), lines(&["2"]));
        put("error", &format!("{STAMPED}/a_failed.jsonl"), lines(&["2"]));
        let rejected = json!({ "outcome": "rejected", "artifacts": [] }).to_string();
        put("error", "b_2026-01-31_23_59_59/manifest.json", rejected);
        put("error", "b_2026-01-31_23_59_59/b.jsonl", "broken".to_owned());
        put("error", "b_2026-01-31_23_59_59/b_error.jsonl", "{\"line\":1}\n".to_owned());
        evidence.processed.insert("_aoai-batch".into(), None);
        evidence.processed.insert("_aoai-batch/claims".into(), None);
        evidence.processed.insert(format!("{STAMPED}/.aoai-tmp-1"), Some(Vec::new()));
        evidence.books = json!({ "billed_total": 2, "paid_twice": [], "lines_paid_twice": [] });
        evidence.state = json!({ "files": [], "batches": [{ "status": "completed" }] });
        let done = |path: &str| json!({ "path": path, "state": { "state": "done" } });
        let dropped = json!({ "path": "input/b.jsonl", "state": { "state": "dropped" } });
        evidence.status = json!({ "jobs": [done("input/sub/a.jsonl"), done("input/b.jsonl"), dropped] });
        evidence
    }

    #[test]
    fn a_good_round_is_good() {
        let verdict = judge(&good());
        assert_eq!(verdict.violations, [""; 0]);
        assert_eq!((verdict.output_lines, verdict.error_lines, verdict.leftovers), (2, 1, 1));
    }

    #[test]
    fn each_defect_of_the_lake_is_found() {
        let output = format!("{STAMPED}/a_output.jsonl");
        for (path, text) in [
            (output.clone(), Some(lines(&["3", "1"]))),
            (output.clone(), Some(lines(&["1"]))),
            (output.clone(), Some(lines(&["1", "1", "3"]))),
            (output.clone(), Some(lines(&["1", "2", "3"]))),
            (output, None),
            (format!("{STAMPED}/manifest.json"), Some("{}".into())),
            (format!("{STAMPED}/a.jsonl"), None),
            ("sub/a_2026-01-31_23_59_58/a.jsonl".into(), Some(lines(&["1", "2", "3"]))),
            ("c_2026-01-31_23_59_59/c.jsonl".into(), Some(String::new())),
            ("b_2026-01-31_23_59_59/b_output.jsonl".into(), Some(String::new())),
            ("loose.jsonl".into(), Some(String::new())),
            ("_aoai-batch/claims/1.json".into(), Some(String::new())),
        ] {
            let mut evidence = good();
            let tree = &mut evidence.processed;
            match text.clone() {
                Some(text) => drop(tree.insert(path.clone(), Some(text.into_bytes()))),
                None => drop(tree.remove(&path)),
            }
            assert!(!judge(&evidence).violations.is_empty(), "{path}: {text:?}");
        }
        let mut evidence = good();
        evidence.processed.insert("_aoai-batch/work/key".into(), None);
        assert!(!judge(&evidence).violations.is_empty());
        let mut evidence = good();
        evidence.input.insert("sub/a.jsonl".into(), Some(Vec::new()));
        assert!(!judge(&evidence).violations.is_empty());
    }

    #[test]
    fn a_lost_ledger_need_not_know_of_every_job() {
        let mut evidence = Evidence { ledger_lost: true, ..good() };
        evidence.status["jobs"] = json!([]);
        assert_eq!(judge(&evidence).violations, [""; 0]);
        let done = json!({ "path": "input/b.jsonl", "state": { "state": "done" } });
        evidence.status["jobs"] = json!([done, done]);
        assert!(!judge(&evidence).violations.is_empty());
    }

    #[test]
    fn each_defect_of_the_books_is_found() {
        let change = |change: fn(&mut Evidence)| {
            let mut evidence = good();
            change(&mut evidence);
            judge(&evidence).violations
        };
        for violations in [
            change(|evidence| evidence.books["billed_total"] = json!(3)),
            change(|evidence| evidence.books["paid_twice"] = json!([{}])),
            change(|evidence| evidence.books["lines_paid_twice"] = json!([{}])),
            change(|evidence| evidence.books = json!({})),
            change(|evidence| evidence.state["files"] = json!([{ "id": "f" }])),
            change(|evidence| evidence.state["batches"][0]["status"] = json!("in_progress")),
            change(|evidence| evidence.status["jobs"][0]["state"]["state"] = json!("quarantined")),
            change(|evidence| evidence.status["jobs"] = json!([])),
        ] {
            assert!(!violations.is_empty());
        }
    }
}
