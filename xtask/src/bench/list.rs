//! The bench `list`: a large directory costs a request a page, and no memory.

use super::{
    Bench, SETTINGS, Told, curl, progress,
    table::{Row, Target},
};
use crate::{emulator::Emulator, scratch::Scratch};

/// What the service allows.
const PAGE: usize = 5_000;
const FEW: usize = 1_000;
/// What many pages may take of memory, beside one.
const MOST_MEMORY: f64 = 1.5;

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let many = if bench.options.quick { 10_000 } else { 100_000 };
    let scratch = Scratch::new("bench-list")?;
    let mut emulator = bench.emulator(&scratch, SETTINGS)?;
    progress(&format!("list: {many} files are made"));
    curl::create(&emulator, "few", FEW)?;
    curl::create(&emulator, "page", PAGE)?;
    curl::create(&emulator, "many", many)?;

    let (few, _) = list(bench, &emulator, "few", FEW)?;
    let (page, _) = list(bench, &emulator, "page", PAGE)?;
    let (told, requests) = list(bench, &emulator, "many", many)?;
    emulator.runs()?;
    let mut rows = vec![
        Row {
            what: format!("listing {many} paths: requests"),
            unit: "",
            ours: requests as f64,
            other: None,
            // One is for the filesystem: whether it has a hierarchical namespace.
            target: Some(Target::AtMost((many / PAGE + 1) as f64)),
        },
        Row {
            what: format!("listing {many} paths: time"),
            unit: "s",
            ours: told.seconds,
            other: None,
            target: None,
        },
    ];
    // Few paths are a smaller page; only beside a full one many pages have to cost nothing.
    let others =
        [("1,000 paths", few, None), ("5,000 paths: a page", page, Some(Target::AtMost(MOST_MEMORY)))];
    for (name, other, target) in others {
        if let (Some(ours), Some(other)) = (told.peak_rss_kib, other.peak_rss_kib) {
            rows.push(Row {
                what: format!("listing {many} paths: memory"),
                unit: "MiB",
                ours: ours as f64 / 1024.0,
                other: Some((name, other as f64 / 1024.0)),
                target,
            });
        }
    }
    Ok(rows)
}

/// A listing, and how many requests it took.
fn list(
    bench: &Bench<'_>,
    emulator: &Emulator,
    directory: &str,
    entries: usize,
) -> Result<(Told, u64), String> {
    let before = requests(emulator)?;
    let told = bench.client(emulator, "list", directory, &[])?;
    let after = requests(emulator)?;
    if told.entries != entries as u64 {
        return Err(format!("{directory} has {entries} files, but {} were listed", told.entries));
    }
    Ok((told, after - before))
}

/// How many requests the storage account has had.
fn requests(emulator: &Emulator) -> Result<u64, String> {
    let state = curl::json(&format!("{}/_emulator/state", emulator.ready.url))?;
    let requests = state["requests"].as_object().ok_or_else(|| format!("no requests in {state}"))?;
    let storage = requests.iter().filter(|(operation, _)| operation.starts_with("lake_"));
    Ok(storage.filter_map(|(_, count)| count.as_u64()).sum())
}
