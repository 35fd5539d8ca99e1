//! The bench `lake`: throughput of our client beside curl's, turn by turn.

use std::{
    fs::File,
    io::{BufWriter, Read, Write},
    path::Path,
};

use super::{
    Bench, SETTINGS, curl, median, progress,
    table::{Row, Target},
};
use crate::{run::Outcome, scratch::Scratch};

const REPETITIONS: usize = 5;
const MIB: u64 = 1 << 20;
/// Of an append, as `AzureLakeOptions` has it unless it is told otherwise.
const BLOCK_BYTES: u64 = 2 << 20;
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

    let block_bytes = bench.options.block_bytes.unwrap_or(BLOCK_BYTES);
    let blocks =
        (block_bytes > 0 && (mib * MIB).is_multiple_of(block_bytes)).then(|| mib * MIB / block_bytes);
    let block = scratch.path().join("block.bin");
    if blocks.is_some() {
        let head = File::open(&source).map(|file| file.take(block_bytes));
        let copied = head.and_then(|mut head| std::io::copy(&mut head, &mut File::create(&block)?));
        copied.map_err(|e| format!("{}: {e}", block.display()))?;
    }

    let writing = [format!("source={}", source.display()), format!("block_bytes={block_bytes}")];
    let ours = |operation: &str, path: &str, more: &[String]| {
        let told = bench.client(&emulator, operation, path, more)?;
        if told.bytes != mib * MIB {
            return Err(format!("{operation}: {} bytes of {}", told.bytes, mib * MIB));
        }
        Ok(told)
    };
    let mut times = Times::default();
    let mut peak = [None, None];
    let turns = bench.options.repetitions.unwrap_or(REPETITIONS);
    for turn in 0..turns {
        for side in [turn % 2, 1 - turn % 2] {
            if side == 0 {
                let told = [ours("read", "source.bin", &[])?, ours("write", "ours.bin", &writing)?];
                peak = [peak[0].max(told[0].peak_rss_kib), peak[1].max(told[1].peak_rss_kib)];
                times.our_read.push(told[0].seconds);
                times.our_write.push(told[1].seconds);
            } else {
                times.read.push(curl::read(&emulator, "source.bin")?);
                times.write.push(curl::publish(&emulator, super::FILESYSTEM, "theirs.bin", &source)?);
                if let Some(blocks) = blocks {
                    let time = curl::publish_blocks(&emulator, "theirs.bin", &block, block_bytes, blocks)?;
                    times.write_blocks.push(time);
                }
            }
        }
        progress(&format!("lake: turn {} of {turns}", turn + 1));
    }
    emulator.runs()?;
    Ok(times.rows(mib, peak))
}

/// Seconds of each turn.
#[derive(Default)]
struct Times {
    our_read: Vec<f64>,
    our_write: Vec<f64>,
    read: Vec<f64>,
    /// In one request, which is the most that this machine can do.
    write: Vec<f64>,
    /// In as many requests as ours, which is the most that they can do one after the other.
    write_blocks: Vec<f64>,
}

impl Times {
    fn rows(self, mib: u64, peak: [Option<u64>; 2]) -> Vec<Row> {
        let speed = |times: Vec<f64>| mib as f64 / median(times);
        let beside = |what: &str, ours, name, other, target| Row {
            what: format!("{what} {mib} MiB"),
            unit: "MiB/s",
            ours,
            other: Some((name, other)),
            target,
        };
        let least = Some(Target::AtLeast(LEAST));
        let (read, write) = (speed(self.our_read), speed(self.our_write));
        let mut rows = vec![
            beside("reading", read, "curl", speed(self.read), least),
            beside("publishing", write, "curl, one request", speed(self.write), least),
        ];
        if !self.write_blocks.is_empty() {
            let other = speed(self.write_blocks);
            rows.push(beside("publishing", write, "curl, as many requests", other, None));
        }
        for (what, peak) in ["reading", "publishing"].into_iter().zip(peak) {
            rows.extend(peak.map(|kib| Row {
                what: format!("{what} {mib} MiB: memory"),
                unit: "MiB",
                ours: kib as f64 / 1024.0,
                other: None,
                target: None,
            }));
        }
        rows
    }
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
