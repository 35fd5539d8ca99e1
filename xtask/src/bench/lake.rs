//! The bench `lake`: throughput of our client beside curl's, turn by turn.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use super::{
    Bench, SETTINGS, curl, median, progress,
    table::{Row, Target},
};
use crate::{run::Outcome, scratch::Scratch};

const REPETITIONS: usize = 5;
const MIB: u64 = 1 << 20;
/// What our client must reach of curl's throughput.
const LEAST: f64 = 0.8;

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let mib = if bench.options.quick { 32 } else { 256 };
    let scratch = Scratch::new("bench-lake")?;
    let source = scratch.path().join("source.bin");
    fill(&source, mib)?;
    let mut emulator = bench.emulator(&scratch, SETTINGS)?;
    // Who comes first must not matter.
    curl::publish(&emulator, super::FILESYSTEM, "source.bin", &source)?;
    curl::read(&emulator, "source.bin")?;

    let block = bench.options.block_bytes.map(|bytes| format!("block_bytes={bytes}"));
    let writing: Vec<String> = std::iter::once(format!("source={}", source.display())).chain(block).collect();
    let ours = |operation: &str, path: &str, more: &[String]| {
        let told = bench.client(&emulator, operation, path, more)?;
        if told.bytes != mib * MIB {
            return Err(format!("{operation}: {} bytes of {}", told.bytes, mib * MIB));
        }
        Ok(told)
    };
    let (mut read, mut published, mut peak) = ([vec![], vec![]], [vec![], vec![]], [None, None]);
    let turns = bench.options.repetitions.unwrap_or(REPETITIONS);
    for turn in 0..turns {
        for side in [turn % 2, 1 - turn % 2] {
            let times = if side == 0 {
                let told = [ours("read", "source.bin", &[])?, ours("write", "ours.bin", &writing)?];
                peak = [peak[0].max(told[0].peak_rss_kib), peak[1].max(told[1].peak_rss_kib)];
                told.map(|told| told.seconds)
            } else {
                [
                    curl::read(&emulator, "source.bin")?,
                    curl::publish(&emulator, super::FILESYSTEM, "theirs.bin", &source)?,
                ]
            };
            read[side].push(times[0]);
            published[side].push(times[1]);
        }
        progress(&format!("lake: turn {} of {turns}", turn + 1));
    }
    emulator.runs()?;

    let mut rows = Vec::new();
    for (what, times, peak) in [("reading", read, peak[0]), ("publishing", published, peak[1])] {
        let [ours, theirs] = times.map(|times| mib as f64 / median(times));
        rows.push(Row {
            what: format!("{what} {mib} MiB"),
            unit: "MiB/s",
            ours,
            other: Some(("curl", theirs)),
            target: Some(Target::AtLeast(LEAST)),
        });
        rows.extend(peak.map(|kib| Row {
            what: format!("{what} {mib} MiB: memory"),
            unit: "MiB",
            ours: kib as f64 / 1024.0,
            other: None,
            target: None,
        }));
    }
    Ok(rows)
}

/// Bytes that do not repeat within a block.
fn fill(path: &Path, mib: u64) -> Outcome {
    let mut block = Vec::new();
    let mut word = 0x9e37_79b9_7f4a_7c15_u64;
    while block.len() < MIB as usize {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        block.extend_from_slice(&word.to_le_bytes());
    }
    let written = File::create(path).map(BufWriter::new).and_then(|mut file| {
        (0..mib).try_for_each(|_| file.write_all(&block))?;
        file.flush()
    });
    written.map_err(|e| format!("{}: {e}", path.display()))
}
