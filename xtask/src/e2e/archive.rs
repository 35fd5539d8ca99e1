//! What must be true of the directories a run leaves. It reads files; it knows nothing of how they were made.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;

use crate::scratch::files_below;

/// The pipeline's own directory in the processed one.
const OWN: &str = "_aoai-batch";
/// `_2026-01-31_23_59_59`, `0` for any digit.
const STAMP: &str = "_0000-00-00_00_00_00";

/// The inputs that were put in: path below the inbox, and text.
pub(super) type Inputs = BTreeMap<String, String>;

/// Checks that every input is archived with all its lines, and that nothing else is there.
///
/// Without `inputs`, whatever is archived is taken for what was put in; it must not be nothing.
pub(super) fn processed(directory: &Path, inputs: Option<&Inputs>) -> Result<(), String> {
    nothing_left(directory)?;
    let mut archives: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files_below(directory)? {
        if file.starts_with(&format!("{OWN}/")) {
            continue;
        }
        let (archive, name) =
            file.rsplit_once('/').ok_or_else(|| format!("{file} is in no archive directory"))?;
        archives.entry(archive.to_owned()).or_default().insert(name.to_owned());
    }
    let mut seen = BTreeSet::new();
    for (archive, files) in &archives {
        let input = input_of(archive).ok_or_else(|| format!("{archive} is no `<stem>_<stamp>`"))?;
        let original = match inputs {
            Some(inputs) => {
                Some(inputs.get(&input).ok_or_else(|| format!("{archive}: nobody put in {input}"))?)
            }
            None => None,
        };
        complete(&directory.join(archive), files, &input, original)
            .map_err(|why| format!("{archive}: {why}"))?;
        if !seen.insert(input) {
            return Err(format!("{archive}: this input is archived twice"));
        }
    }
    match inputs {
        Some(inputs) => match inputs.keys().find(|input| !seen.contains(*input)) {
            Some(missing) => Err(format!("{missing} is not archived")),
            None => Ok(()),
        },
        None if seen.is_empty() => Err(format!("nothing is archived in {}", directory.display())),
        None => Ok(()),
    }
}

/// No file is below a directory.
pub(super) fn empty(directory: &Path) -> Result<(), String> {
    match files_below(directory)?.first() {
        Some(file) => Err(format!("{} still has {file}", directory.display())),
        None => Ok(()),
    }
}

/// Neither work nor claims outlive a run that has finished everything.
pub(super) fn nothing_left(processed: &Path) -> Result<(), String> {
    for part in ["work", "claims"] {
        let directory = processed.join(OWN).join(part);
        if let Some(entry) = fs::read_dir(&directory).into_iter().flatten().flatten().next() {
            return Err(format!("{} is left", entry.path().display()));
        }
    }
    Ok(())
}

/// Which input an archive directory is of: `sub/a_<stamp>` is of `sub/a.jsonl`.
fn input_of(archive: &str) -> Option<String> {
    let at = archive.len().checked_sub(STAMP.len())?;
    let (stem, stamp) = (archive.get(..at)?, archive.get(at..)?);
    let fits = stamp.chars().zip(STAMP.chars()).all(|(c, pattern)| match pattern {
        '0' => c.is_ascii_digit(),
        other => c == other,
    });
    (fits && !stem.is_empty() && !stem.ends_with('/')).then(|| format!("{stem}.jsonl"))
}

/// An archive has its four files, and they agree.
fn complete(
    directory: &Path,
    files: &BTreeSet<String>,
    input: &str,
    original: Option<&String>,
) -> Result<(), String> {
    let raw_name = input.rsplit('/').next().unwrap_or(input);
    let stem = raw_name.strip_suffix(".jsonl").unwrap_or(raw_name);
    let (output_name, metadata_name) = (format!("{stem}_output.jsonl"), format!("{stem}_metadata.jsonl"));
    let wanted: BTreeSet<String> =
        [raw_name, &output_name, &metadata_name, "manifest.json"].map(str::to_owned).into();
    if *files != wanted {
        return Err(format!("holds {files:?}, expected {wanted:?}"));
    }
    let read = |name: &str| fs::read_to_string(directory.join(name)).map_err(|e| format!("{name}: {e}"));

    let (raw, output) = (read(raw_name)?, read(&output_name)?);
    if original.is_some_and(|original| *original != raw) {
        return Err(format!("{raw_name} is not what was put in"));
    }
    let ids = ids(&raw).map_err(|e| format!("{raw_name}: {e}"))?;
    let answered = self::ids(&output).map_err(|e| format!("{output_name}: {e}"))?;
    if ids.is_empty() || ids.iter().collect::<BTreeSet<_>>().len() != ids.len() {
        return Err(format!("{raw_name} has no ids, or the same twice: a bad test"));
    }
    if ids != answered {
        return Err(format!("{} lines put in, {} out, or in another order", ids.len(), answered.len()));
    }
    for line in output.lines() {
        let line = json(line)?;
        if line["response"]["status_code"] != 200 || !line["error"].is_null() {
            return Err(format!("{output_name} has a line that is no success: {line}"));
        }
    }

    let lines = ids.len();
    let metadata = read(&metadata_name)?;
    if metadata.lines().count() != 1 {
        return Err(format!("{metadata_name} is not one line"));
    }
    let metadata = json(&metadata)?;
    agree(&metadata_name, &metadata, "/file_name", raw_name)?;
    agree(&metadata_name, &metadata, "/output_file_name", output_name.as_str())?;
    agree(&metadata_name, &metadata, "/lines", lines)?;
    agree(&metadata_name, &metadata, "/output_lines", lines)?;
    agree(&metadata_name, &metadata, "/error_lines", 0)?;

    let manifest = json(&read("manifest.json")?)?;
    agree("manifest.json", &manifest, "/format", 1)?;
    agree("manifest.json", &manifest, "/input/lines", lines)?;
    agree("manifest.json", &manifest, "/input/bytes", raw.len())?;
    agree("manifest.json", &manifest, "/counts/lines", lines)?;
    agree("manifest.json", &manifest, "/counts/output", lines)?;
    agree("manifest.json", &manifest, "/counts/error", 0)?;
    let mut listed = BTreeSet::new();
    for artifact in manifest["artifacts"].as_array().into_iter().flatten() {
        let path = artifact["path"].as_str().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let text = read(name).map_err(|e| format!("manifest.json lists {path}: {e}"))?;
        agree(name, artifact, "/bytes", text.len())?;
        agree(name, artifact, "/lines", text.lines().count())?;
        listed.insert(name.to_owned());
    }
    if listed != BTreeSet::from([output_name, metadata_name]) {
        return Err(format!("manifest.json lists {listed:?}"));
    }
    Ok(())
}

/// The `custom_id` of every line, in order.
pub(super) fn ids(text: &str) -> Result<Vec<String>, String> {
    let id = |line| {
        let line = json(line)?;
        line["custom_id"].as_str().map(str::to_owned).ok_or_else(|| format!("no custom_id in {line}"))
    };
    text.lines().map(id).collect()
}

pub(super) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("not JSON: {e}: {text}"))
}

fn agree(file: &str, document: &Value, pointer: &str, wanted: impl Into<Value>) -> Result<(), String> {
    let wanted = wanted.into();
    match document.pointer(pointer) {
        Some(found) if *found == wanted => Ok(()),
        found => Err(format!(
            "{file}: {pointer} is {}, expected {wanted}",
            found.map_or_else(|| "missing".to_owned(), Value::to_string)
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scratch::Scratch;

    const RAW: &str = "{\"custom_id\":\"1\"}\n{\"custom_id\":\"2\"}\n";
    const ARCHIVE: &str = "processed/sub/a.b_2026-01-31_23_59_59";

    fn success(id: &str) -> String {
        format!("{}\n", json!({ "custom_id": id, "response": { "status_code": 200 }, "error": null }))
    }

    /// A good archive of `sub/a.b.jsonl`, with one of its files replaced; judged.
    fn judged(replaced: &str, text: &str) -> Result<(), String> {
        let scratch = Scratch::new("archive").unwrap();
        let output = success("1") + &success("2");
        let metadata = json!({
            "file_name": "a.b.jsonl", "output_file_name": "a.b_output.jsonl",
            "lines": 2, "output_lines": 2, "error_lines": 0,
        });
        let metadata = format!("{metadata}\n");
        let manifest = json!({
            "format": 1,
            "input": { "lines": 2, "bytes": RAW.len() },
            "counts": { "lines": 2, "output": 2, "error": 0 },
            "artifacts": [
                { "path": "processed/sub/a.b_x/a.b_output.jsonl", "bytes": output.len(), "lines": 2 },
                { "path": "processed/sub/a.b_x/a.b_metadata.jsonl", "bytes": metadata.len(), "lines": 1 },
            ],
        });
        for (name, text) in [
            ("a.b.jsonl", RAW),
            ("a.b_output.jsonl", &output),
            ("a.b_metadata.jsonl", &metadata),
            ("manifest.json", &manifest.to_string()),
        ] {
            scratch.write(&format!("{ARCHIVE}/{name}"), text).unwrap();
        }
        if !replaced.is_empty() {
            scratch.write(replaced, text).unwrap();
        }
        let inputs = Inputs::from([("sub/a.b.jsonl".to_owned(), RAW.to_owned())]);
        processed(&scratch.path().join("processed"), None)?;
        processed(&scratch.path().join("processed"), Some(&inputs))
    }

    #[test]
    fn a_good_archive_is_good() {
        judged("", "").unwrap();
        judged("processed/_aoai-batch/notes.json", "{}").unwrap();
    }

    #[test]
    fn each_defect_is_found() {
        let swapped = success("2") + &success("1");
        let twice = success("1") + &success("2") + &success("2");
        let failed = (success("1") + &success("2")).replace("200", "500");
        for (name, text) in [
            ("a.b.jsonl", "{\"custom_id\":\"1\"}\n"),
            ("a.b_output.jsonl", &success("1")),
            ("a.b_output.jsonl", &swapped),
            ("a.b_output.jsonl", &twice),
            ("a.b_output.jsonl", &failed),
            ("a.b_metadata.jsonl", "{}\n"),
            ("manifest.json", "{}"),
            ("extra.jsonl", ""),
        ] {
            assert!(judged(&format!("{ARCHIVE}/{name}"), text).is_err(), "{name}: {text}");
        }
        for name in [
            "processed/loose.jsonl",
            "processed/_aoai-batch/work/key/p0001.index.jsonl",
            "processed/_aoai-batch/claims/key.json",
            "processed/sub/no-stamp/manifest.json",
        ] {
            assert!(judged(name, "").is_err(), "{name}");
        }
    }

    #[test]
    fn a_missing_archive_is_found() {
        let scratch = Scratch::new("archive").unwrap();
        let inputs = Inputs::from([("a.jsonl".to_owned(), RAW.to_owned())]);
        assert!(processed(scratch.path(), None).is_err());
        assert!(processed(scratch.path(), Some(&inputs)).is_err());
    }

    #[test]
    fn an_archive_directory_names_its_input() {
        assert_eq!(input_of("sub/a.b_2026-01-31_23_59_59").as_deref(), Some("sub/a.b.jsonl"));
        assert_eq!(input_of("ü_2026-01-31_23_59_59").as_deref(), Some("ü.jsonl"));
        for wrong in ["a", "a_2026-01-31", "a_2026-01-31_23_59_5x", "sub/_2026-01-31_23_59_59"] {
            assert_eq!(input_of(wrong), None, "{wrong}");
        }
    }
}
