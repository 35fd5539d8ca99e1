//! What is known of a deployment's quota.

use std::time::Duration;

use super::{QuotaChange, change::Used};
use crate::model::{DeploymentId, Timestamp};

/// The share of a limit that is used: the service's count of a batch may be a little above ours.
const HEADROOM: f64 = 0.95;
/// The share of what was reserved that is tried next, after the service had no room.
const BACK: f64 = 0.9;
/// And by how much of the limit it grows again, for each [`STEP`] without a refusal.
const GROWTH: f64 = 0.05;
const STEP: Duration = Duration::from_mins(10);
/// So near, as a logarithm, a figure is to the one that is expected of a file.
const NEAR: f64 = 0.2;
/// How much the newest observation weighs.
const NEWEST: f64 = 0.3;
/// An observation beyond this is not believed as it is.
const FACTOR: std::ops::RangeInclusive<f64> = 0.25..=4.0;

/// What the ledger keeps of a deployment.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct QuotaRecord {
    /// What the last intent was told: the configured limit, in tokens, and after how many milliseconds of waiting nobody
    /// overtakes.
    pub configured: Option<(Option<u64>, u64)>,
    /// The limit that the service told, in tokens.
    pub learned_limit: Option<u64>,
    /// The service had no room, though by our books there was.
    pub lowered: Option<Lowered>,
    /// The service's own figure for a batch, divided by ours; `None` if it never told.
    pub figure_ratio: Option<f64>,
    /// Prompt tokens by usage, divided by our estimate.
    pub usage_ratio: Option<f64>,
    /// From create to end, in milliseconds: the mean, the newest weighing most.
    pub turnaround_ms: Option<u64>,
    /// Completion tokens by usage, for each request line: the mean, the newest weighing most.
    pub completion_per_line: Option<f64>,
    /// Batches that the service took.
    pub created: u64,
    /// How often it had no room, at the create or later.
    pub refused: u64,
    /// Tokens that were ever placed here, divided by the weight: whoever has least is next.
    pub placed: f64,
}

/// The effective limit after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Lowered {
    /// To so many tokens.
    pub to: u64,
    /// When.
    pub at: Timestamp,
    /// What it grows by, in tokens for each ten minutes.
    pub step: u64,
}

/// A deployment, as `status` shows it and as placing needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaView {
    /// Which.
    pub deployment: DeploymentId,
    /// What is known of it.
    pub record: QuotaRecord,
    /// Tokens of batches that may run, by our figure.
    pub reserved: u64,
    /// Tokens of parts on their way there: uploading, or waiting for room.
    pub coming: u64,
    /// Parts that wait for room.
    pub waiting: u64,
}

impl QuotaRecord {
    /// What our figure of a batch is multiplied by to be the service's.
    #[must_use]
    pub fn factor(&self) -> f64 {
        self.figure_ratio.unwrap_or_else(|| self.usage_ratio.unwrap_or(1.0).max(1.0))
    }

    /// Tokens of ours, as the service is expected to count them.
    #[must_use]
    pub fn scaled(&self, tokens: u64) -> u64 {
        // Saturates; a rounded-up token is on the safe side.
        (tokens as f64 * self.factor()).ceil() as u64
    }

    /// The limit that holds for certain: what is configured, and what the service told.
    #[must_use]
    pub fn hard_limit(&self, configured: Option<u64>) -> Option<u64> {
        configured.into_iter().chain(self.learned_limit).min()
    }

    /// The limit that is used now; `None` if none is known.
    #[must_use]
    pub fn effective_limit(&self, configured: Option<u64>, now: Timestamp) -> Option<u64> {
        let ceiling = self.hard_limit(configured).map(|limit| (limit as f64 * HEADROOM) as u64);
        let lowered = self.lowered.map(|lowered| {
            let steps = now.since(lowered.at).as_millis() / STEP.as_millis();
            lowered.to.saturating_add(lowered.step.saturating_mul(u64::try_from(steps).unwrap_or(u64::MAX)))
        });
        match (ceiling, lowered) {
            (Some(ceiling), Some(lowered)) => Some(ceiling.min(lowered)),
            (ceiling, lowered) => ceiling.or(lowered),
        }
    }

    /// How many of those that wait, oldest first, there is room for now: since when, and tokens by our figure. Answers with
    /// their places in the list.
    #[must_use]
    pub fn woken(&self, waiting: &[(Timestamp, u64)], reserved: u64, now: Timestamp) -> Vec<usize> {
        let (limit, patience) = self.configured.unwrap_or((None, u64::MAX));
        let limit = self.effective_limit(limit, now).unwrap_or(u64::MAX);
        let mut taken = self.scaled(reserved);
        let mut woken = Vec::new();
        for (place, (since, tokens)) in waiting.iter().enumerate() {
            let needs = self.scaled(*tokens);
            if taken == 0 || taken.saturating_add(needs) <= limit {
                taken = taken.saturating_add(needs);
                woken.push(place);
            } else if now.since(*since).as_millis() > u128::from(patience) {
                // Nobody overtakes this one any more.
                break;
            }
        }
        woken
    }

    /// Takes in what happened. `reserved`: tokens of the other batches that may run, by our figure; `tokens`: of this one.
    pub fn apply(&mut self, change: &QuotaChange, tokens: u64, reserved: u64, now: Timestamp) {
        match change {
            // Where nothing is counted, each part counts as one.
            QuotaChange::Placed { weight } => {
                self.placed += tokens.max(1) as f64 / weight.max(f64::MIN_POSITIVE);
            }
            QuotaChange::Intent(intent) => {
                let patience = u64::try_from(intent.patience.as_millis()).unwrap_or(u64::MAX);
                self.configured = Some((intent.limit, patience));
            }
            QuotaChange::Created { figure, limit } => {
                self.created += 1;
                self.learned_limit = limit.or(self.learned_limit);
                if let Some(figure) = figure {
                    self.learn_figure(*figure, tokens, reserved);
                }
            }
            QuotaChange::Refused { limit } => {
                self.refused += 1;
                self.learned_limit = limit.or(self.learned_limit);
                let others = self.scaled(reserved);
                let whole = self.learned_limit.unwrap_or_else(|| others.saturating_add(self.scaled(tokens)));
                self.lowered = Some(Lowered {
                    to: (others as f64 * BACK) as u64,
                    at: now,
                    step: ((whole as f64 * GROWTH) as u64).max(1),
                });
            }
            QuotaChange::Ended(used) => self.learn_usage(used),
        }
    }

    /// The header is described both as the figure of the file and as the sum of all that is enqueued. Where nothing else of
    /// ours is enqueued they are the same. Otherwise what is near to the figure that is expected of the file is taken for
    /// that, and the rest for a sum. Of a sum only the ratio's lower bound is known, for some of what we hold to be enqueued
    /// may have ended since we looked: it raises what is known, and never lowers it.
    fn learn_figure(&mut self, figure: u64, tokens: u64, reserved: u64) {
        if figure == 0 || tokens == 0 {
            return;
        }
        let ratio = |ours: u64| (figure as f64 / ours as f64).clamp(*FACTOR.start(), *FACTOR.end());
        let (file, sum) = (ratio(tokens), ratio(tokens.saturating_add(reserved)));
        let near = |known: f64| (file / known).ln().abs() < NEAR;
        match self.figure_ratio {
            _ if reserved == 0 => mean(&mut self.figure_ratio, file),
            Some(known) if near(known) => mean(&mut self.figure_ratio, file),
            Some(known) => self.figure_ratio = Some(known.max(sum)),
            None => self.figure_ratio = Some(if file.ln().abs() <= sum.ln().abs() { file } else { sum }),
        }
    }

    fn learn_usage(&mut self, used: &Used) {
        if used.estimated > 0 && used.actual > 0 {
            let ratio = used.actual as f64 / used.estimated as f64;
            mean(&mut self.usage_ratio, ratio.clamp(*FACTOR.start(), *FACTOR.end()));
        }
        if used.lines > 0 {
            mean(&mut self.completion_per_line, used.completion as f64 / used.lines as f64);
        }
        if let Some(turnaround) = used.turnaround {
            let newest = turnaround.as_millis() as f64;
            let mut known = self.turnaround_ms.map(|known| known as f64);
            mean(&mut known, newest);
            self.turnaround_ms = known.map(|known| known as u64);
        }
    }
}

fn mean(known: &mut Option<f64>, newest: f64) {
    *known = Some(known.map_or(newest, |known| known + NEWEST * (newest - known)));
}

#[cfg(test)]
mod tests;
