//! What every stage may use.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use adls_io::DataLake;
use aoai_batch_client::BatchApi;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use token_estimator::TokenEstimator;

use crate::{
    cost::{Expected, expected},
    error::{StageError, StageResult},
    ledger::Ledger,
    machine::{Timing, backoff},
    model::{Harvest, PartCost, PartPlan},
    options::{BlobUrls, PipelineOptions},
    poll::Discovered,
    recover::Survey,
    snapshot::Layout,
    validate::Rules,
};

/// The seams of the pipeline, and its options.
pub(crate) struct Context {
    pub(crate) lake: Arc<dyn DataLake>,
    pub(crate) service: Arc<dyn BatchApi>,
    pub(crate) estimator: Option<Arc<dyn TokenEstimator>>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) options: PipelineOptions,
    pub(crate) layout: Layout,
    pub(crate) survey: Arc<Survey>,
    pub(crate) discovered: Arc<Discovered>,
    pub(crate) chance: Arc<Chance>,
    /// The longest of the names that the lines' model may be rewritten to: what is planned with.
    pub(crate) longest_name: Option<String>,
}

impl Context {
    pub(crate) fn timing(&self) -> Timing {
        let run = &self.options.run;
        Timing {
            list_settle: run.list_settle,
            file_poll: run.poll_interval.min(Duration::from_secs(5)),
            own_poll: run.poll_interval.saturating_mul(10),
            max_generations: 3,
        }
    }

    /// The lake's URLs; a part that was sent by them needs them to the end.
    pub(crate) fn urls(&self) -> StageResult<&dyn BlobUrls> {
        self.options.service.transfer.urls().map(AsRef::as_ref).ok_or_else(|| {
            StageError::local(
                "the part was sent as a blob, but blobs are not configured any more",
                Some("set service.transfer back to what it was until this file is done"),
            )
        })
    }

    /// Whether a claim of this ledger is ours, or to be made ours.
    pub(crate) fn is_ours_or_adopted(&self, ledger: &str) -> bool {
        ledger == self.ledger.id() || self.options.run.adopt_ledger.as_deref() == Some(ledger)
    }

    /// What files must obey. Where names are rewritten, the longest is planned with: no part outgrows a limit wherever it goes.
    pub(crate) fn rules(&self) -> Rules {
        let mut rules = Rules::new(&self.options.service, &self.options.limits);
        if rules.set_model {
            rules.deployment.clone_from(&self.longest_name);
        }
        rules
    }

    /// What every line's `model` is replaced by, if it is.
    pub(crate) fn new_model(&self) -> Option<&str> {
        self.options.service.deployment.as_deref().filter(|_| self.options.service.set_model)
    }

    /// What a part is expected to cost here; `None` where there is no price.
    pub(crate) fn cost_of(&self, plan: &PartPlan) -> Option<Expected> {
        let prices = self.options.service.prices.as_ref()?;
        expected(prices, &plan.tokens, plan.lines, self.options.cost.assumed_output)
    }

    /// What was expected, and what was paid here; `None` where there is no price.
    pub(crate) fn part_cost(&self, plan: &PartPlan, harvest: &Harvest) -> Option<PartCost> {
        let prices = self.options.service.prices.as_ref()?;
        let expected = self.cost_of(plan)?;
        let actual =
            prices.actual(harvest.prompt_tokens, harvest.cached_tokens, harvest.completion_tokens).total();
        Some(PartCost {
            expected_low: expected.low.nanodollars(),
            expected_high: expected.high.nanodollars(),
            actual: actual.ok()?.nanodollars(),
        })
    }

    pub(crate) fn backoff(&self, failures: u32, asked: Option<Duration>) -> Duration {
        backoff(&self.options.retry, failures, asked, self.chance.next())
    }
}

/// The one source of chance: jitter, and nothing else. With a seed, a run can be repeated.
pub(crate) struct Chance(Mutex<SmallRng>);

impl Chance {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(Mutex::new(seed.map_or_else(rand::make_rng, SmallRng::seed_from_u64)))
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn next(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }
}
