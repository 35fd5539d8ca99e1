//! The results of a bundle, dealt out: one member after the other, as their lines come.

use adls_io::{Condition, DataLake, LakeWriter, Location, ReadOptions};
use aoai_batch_client::{JsonLines, LineItem, OutputBrief};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;

use super::ids::unmark;
use crate::{
    collect::Measure,
    error::{StageError, StageResult},
    model::{Artifact, Harvest},
};

/// Bytes are handed to the lake in blocks of this size.
const BLOCK: usize = 256 << 10;

/// One of the three files that a member may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Output,
    Error,
    Failed,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Output, Self::Error, Self::Failed];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Error => "error",
            Self::Failed => "failed",
        }
    }

    pub(super) fn of(self, harvest: &Harvest) -> Option<&Artifact> {
        match self {
            Self::Output => harvest.output.as_ref(),
            Self::Error => harvest.error.as_ref(),
            Self::Failed => harvest.failed.as_ref(),
        }
    }

    fn of_mut(self, harvest: &mut Harvest) -> &mut Option<Artifact> {
        match self {
            Self::Output => &mut harvest.output,
            Self::Error => &mut harvest.error,
            Self::Failed => &mut harvest.failed,
        }
    }
}

/// What a member gets.
#[derive(Debug, Clone, Default)]
pub(super) struct Share {
    pub(super) harvest: Harvest,
    /// Which of the bundle's parts its first line came from.
    pub(super) part: Option<usize>,
    /// Where its lines begin, in the bundle; 0 if it has none there.
    pub(super) first_line: u64,
    /// How many of its lines are in the bundle.
    pub(super) lines: u64,
}

/// Deals the lines of one kind out.
pub(super) struct Dealer<'a> {
    pub(super) lake: &'a dyn DataLake,
    pub(super) kind: Kind,
    /// Where a member's file goes.
    pub(super) place: &'a (dyn Fn(usize, Kind) -> StageResult<Location> + Sync),
    /// First line of each member, in its own file.
    pub(super) own_first: &'a [u64],
    pub(super) shares: &'a mut [Share],
    open: Option<Open>,
}

/// The member whose lines come just now.
struct Open {
    member: usize,
    at: Location,
    writer: Box<dyn LakeWriter>,
    measure: Measure,
    block: BytesMut,
}

impl<'a> Dealer<'a> {
    pub(super) fn new(
        lake: &'a dyn DataLake,
        kind: Kind,
        place: &'a (dyn Fn(usize, Kind) -> StageResult<Location> + Sync),
        own_first: &'a [u64],
        shares: &'a mut [Share],
    ) -> Self {
        Self { lake, kind, place, own_first, shares, open: None }
    }

    /// Deals out a file of the bundle's part.
    pub(super) async fn deal(&mut self, part: usize, from: &Artifact) -> StageResult<()> {
        let mut body = self.lake.read(&from.location, ReadOptions::default()).await?.body;
        let mut lines = JsonLines::new(usize::MAX);
        while let Some(chunk) = body.try_next().await? {
            lines.push(chunk);
            while let Some(item) = lines.next_line() {
                self.line(part, &item).await?;
            }
        }
        match lines.finish() {
            Some(item) => self.line(part, &item).await,
            None => Ok(()),
        }
    }

    async fn line(&mut self, part: usize, item: &LineItem) -> StageResult<()> {
        let LineItem::Line(line) = item else { return Ok(()) };
        let first_line = |member: usize| {
            let share = self.shares.get(member).filter(|share| share.lines > 0)?;
            Some((share.first_line, *self.own_first.get(member)?))
        };
        let (member, own) = unmark(&line.bytes, first_line)
            .filter(|(member, _)| *member < self.shares.len())
            .ok_or_else(|| nobodys(self.kind, line.number))?;
        if self.open.as_ref().is_none_or(|open| open.member != member) {
            self.close().await?;
            // Lines come in the order of the bundle: a member that comes again would lose what it has.
            if self.kind.of(&self.shares[member].harvest).is_some() {
                return Err(nobodys(self.kind, line.number));
            }
            let at = (self.place)(member, self.kind)?;
            let writer = self.lake.create(&at).await?;
            let open = Open { member, at, writer, measure: Measure::default(), block: BytesMut::new() };
            self.open = Some(open);
        }
        let share = &mut self.shares[member];
        share.part.get_or_insert(part);
        if self.kind != Kind::Failed
            && let Some(usage) =
                serde_json::from_slice::<OutputBrief<'_>>(&own).ok().and_then(|line| line.usage())
        {
            share.harvest.prompt_tokens += usage.input_tokens;
            share.harvest.cached_tokens += usage.cached_tokens;
            share.harvest.completion_tokens += usage.output_tokens;
        }
        if let Some(open) = &mut self.open {
            open.block.extend_from_slice(&own);
            open.block.extend_from_slice(b"\n");
            if open.block.len() >= BLOCK {
                open.flush().await?;
            }
        }
        Ok(())
    }

    /// Ends the file of the member whose lines came last.
    pub(super) async fn close(&mut self) -> StageResult<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        open.flush().await?;
        let Open { member, at, writer, measure, .. } = open;
        writer.commit(Condition::Always).await?;
        *self.kind.of_mut(&mut self.shares[member].harvest) = Some(measure.finish(at));
        Ok(())
    }
}

impl Open {
    async fn flush(&mut self) -> StageResult<()> {
        let block: Bytes = self.block.split().freeze();
        self.measure.add(&block);
        Ok(self.writer.write(block).await?)
    }
}

fn nobodys(kind: Kind, line: u64) -> StageError {
    StageError::local(
        format!("line {line} of the bundle's {} is nobody's", kind.name()),
        Some("somebody changed the work directory; see ARCHITECTURE.md"),
    )
}
