//! How long a worker that was killed takes to get on again.

use std::{path::Path, time::Duration};

use super::{
    plan::{Plan, requests},
    random::Random,
    tree::Lake,
    worker::{Program, Worker},
};
use crate::{emulator::Emulator, scratch::Scratch};

const KILLS: usize = 20;
const FILES: usize = 150;
/// A restart has to do something within this.
pub(super) const MOST: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(10);
/// A service that takes everything and is never done, so that each restart finds something to do.
const SETTINGS: &str = "[batches]\nin_progress = \"1h\"\n";

/// Kills a worker in the middle of much work, over and over; the times from each restart to its first step that is
/// in the ledger, in order.
pub(super) fn measure(binary: &Path, seed: u64) -> Result<Vec<Duration>, String> {
    let mut random = Random::new(seed).fork(u64::MAX);
    let scratch = Scratch::new("kill-restart")?;
    scratch.write("emulator.toml", SETTINGS)?;
    let settings = scratch.path().join("emulator.toml");
    let settings = settings.to_str().ok_or("the temporary directory has a name that is not UTF-8")?;
    let emulator = Emulator::start(binary, &["--settings", settings], &[])?;
    let lake = Lake::Local(scratch.path().to_owned());
    for number in 0..FILES {
        let stem = format!("f{number:03}");
        lake.put(&format!("{stem}.jsonl"), &requests(&stem, 3))?;
    }
    scratch.write("aoai-batch.toml", &Plan::wide().config(&emulator.ready, None))?;
    let program = Program::new(binary, scratch.path());

    let mut times = Vec::new();
    for kill in 0..=KILLS {
        let mut worker = Worker::start(&program, 0, "--watch")?;
        let ended = worker.wait_for_progress(DEADLINE)?;
        let Some(time) = worker.first_progress().filter(|_| ended.is_none()) else {
            return Err(format!("restart {kill} did nothing within {DEADLINE:?}: {ended:?}"));
        };
        // The first start is not after a kill.
        if kill > 0 {
            times.push(time);
        }
        worker.wait(Duration::from_millis(random.between(0, 60)))?;
        worker.kill()?;
    }
    times.sort();
    Ok(times)
}
