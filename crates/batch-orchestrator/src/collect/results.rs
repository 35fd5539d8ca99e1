//! Which request has which result: the heart of conservation.

use std::{borrow::Cow, collections::HashMap};

use adls_io::{DataLake, Location, ReadOptions};
use aoai_batch_client::{JsonLines, LineItem, OutputBrief, OutputLine};
use futures::TryStreamExt;

use super::judge::Judge;
use crate::{
    error::{StageError, StageResult},
    machine::Verdict,
    validate::{IndexLine, id_digest},
};

/// Where the result of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Nothing was found.
    Missing,
    /// A successful line in the spool.
    Output { offset: u64, length: u32 },
    /// A failed line in the spool, and what is done about it.
    Error { offset: u64, length: u32, verdict: Verdict },
    /// The request is sent again: whatever was said of it does not count.
    Again,
}

/// One slot for each request of a part, in the order of the input.
pub(crate) struct Slots {
    slots: Vec<Slot>,
    positions: HashMap<[u8; 16], u32>,
    /// Which of them an earlier attempt has settled: this one did not send those. Empty in a first attempt.
    settled: Vec<bool>,
    /// The order in which the service gave the successful lines.
    pub(crate) service_order: Vec<u32>,
    /// Lines that succeeded in this attempt.
    pub(crate) answered: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) cached_tokens: u64,
    pub(crate) completion_tokens: u64,
}

/// As much as is needed of a line that was understood before.
#[derive(serde::Deserialize)]
struct Settled<'a> {
    #[serde(borrow)]
    custom_id: Cow<'a, str>,
}

/// A result line that does not belong: somebody must look at it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The line is not a result line: cut, perhaps.
    Unreadable(String),
    /// Its `custom_id` is none of the part's.
    Unknown(String),
    /// The request has a result already.
    Duplicate(String),
}

impl Slots {
    /// Reads the index of a part.
    pub(crate) async fn load(lake: &dyn DataLake, index: &Location, lines: u64) -> StageResult<Self> {
        let mut slots = Self {
            slots: Vec::new(),
            positions: HashMap::with_capacity(usize::try_from(lines).unwrap_or(0)),
            settled: Vec::new(),
            service_order: Vec::new(),
            answered: 0,
            prompt_tokens: 0,
            cached_tokens: 0,
            completion_tokens: 0,
        };
        for_each_index_line(lake, index, |_, line| {
            let position = u32::try_from(slots.slots.len()).unwrap_or(u32::MAX);
            slots.positions.insert(id_digest(&line.id), position);
            slots.slots.push(Slot::Missing);
        })
        .await?;
        if slots.slots.len() as u64 != lines || slots.positions.len() as u64 != lines {
            let message = format!("{index} has {} entries, expected {lines}", slots.slots.len());
            return Err(StageError::local(
                message,
                Some("somebody changed the work directory; see ARCHITECTURE.md"),
            ));
        }
        Ok(slots)
    }

    /// Where a request is that has no result yet.
    fn free(&self, custom_id: &str) -> Result<u32, Misfit> {
        match self.positions.get(&id_digest(custom_id)) {
            None => Err(Misfit::Unknown(custom_id.to_owned())),
            Some(&position) if self.slots[position as usize] == Slot::Missing => Ok(position),
            Some(_) => Err(Misfit::Duplicate(custom_id.to_owned())),
        }
    }

    /// Takes a result line of this attempt that stands in the spool at `offset`.
    pub(super) fn take(&mut self, bytes: &[u8], offset: u64, judge: &mut Judge<'_>) -> Result<(), Misfit> {
        let line = brief(bytes).map_err(Misfit::Unreadable)?;
        let position = self.free(&line.custom_id)?;
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.slots[position as usize] = if line.is_success() {
            self.service_order.push(position);
            self.answered += 1;
            Slot::Output { offset, length }
        } else {
            let line: OutputLine<'_> =
                serde_json::from_slice(bytes).map_err(|error| Misfit::Unreadable(error.to_string()))?;
            Slot::Error { offset, length, verdict: judge.of_answer(&line, u64::from(position) + 1) }
        };
        if let Some(usage) = line.usage() {
            self.prompt_tokens += usage.input_tokens;
            self.cached_tokens += usage.cached_tokens;
            self.completion_tokens += usage.output_tokens;
        }
        Ok(())
    }

    /// Takes a line that an earlier attempt has settled, and that stands in the spool at `offset`. Its tokens were counted then.
    pub(super) fn take_settled(&mut self, bytes: &[u8], offset: u64, is_output: bool) -> Result<(), Misfit> {
        let line: Settled<'_> =
            serde_json::from_slice(bytes).map_err(|error| Misfit::Unreadable(error.to_string()))?;
        let position = self.free(&line.custom_id)?;
        self.settled.resize(self.slots.len(), false);
        self.settled[position as usize] = true;
        let slot = &mut self.slots[position as usize];
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if is_output {
            *slot = Slot::Output { offset, length };
            self.service_order.push(position);
        } else {
            *slot = Slot::Error { offset, length, verdict: Verdict::Report };
        }
        Ok(())
    }

    /// Marks a request as one that is sent again; `Err` with what it is, if that cannot be.
    pub(super) fn send_again(&mut self, custom_id: &str) -> Result<(), Slot> {
        let position = self.positions.get(&id_digest(custom_id)).copied().ok_or(Slot::Missing)?;
        let slot = &mut self.slots[position as usize];
        match *slot {
            Slot::Missing | Slot::Error { .. } => {
                *slot = Slot::Again;
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Whether an earlier attempt has settled a request.
    pub(super) fn is_settled(&self, position: usize) -> bool {
        self.settled.get(position).copied().unwrap_or(false)
    }

    /// The slots, in the order of the input.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether some requests have failed, and are not sent again.
    pub(crate) fn has_errors(&self) -> bool {
        self.slots.iter().any(|slot| matches!(slot, Slot::Missing | Slot::Error { .. }))
    }
}

/// What is needed of a result line. What is skipped must be UTF-8, too: the line is passed on as it is.
pub(crate) fn brief(bytes: &[u8]) -> Result<OutputBrief<'_>, String> {
    let text = simdutf8::basic::from_utf8(bytes).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Streams an index; the closure gets the position and the entry.
pub(crate) async fn for_each_index_line(
    lake: &dyn DataLake,
    index: &Location,
    mut each: impl FnMut(usize, IndexLine<'_>) + Send,
) -> StageResult<()> {
    let mut body = lake.read(index, ReadOptions::default()).await?.body;
    let mut lines = JsonLines::new(usize::MAX);
    let mut position = 0;
    while let Some(chunk) = body.try_next().await? {
        lines.push(chunk);
        while let Some(LineItem::Line(line)) = lines.next_line() {
            let entry = serde_json::from_slice(&line.bytes).map_err(|error| {
                StageError::local(format!("{index}, line {}: {error}", line.number), None)
            })?;
            each(position, entry);
            position += 1;
        }
    }
    Ok(())
}
