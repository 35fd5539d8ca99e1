//! The deployments that a part can be sent to, each with a context of its own: a stage sees one service, and no more.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use aoai_batch_client::BatchApi;

use super::{Backends, Context, context::Chance, window::Window};
use crate::{
    error::{StageError, StageResult},
    ledger::WorkerId,
    merge::Bundles,
    model::{DeploymentId, PartRecord, Timestamp},
    options::{PipelineOptions, ServiceOptions},
    recover::Survey,
    snapshot::Layout,
};

/// An endpoint that failed gets nothing new for so long.
const SHUNNED: Duration = Duration::from_mins(5);

/// Where nothing happens here, another worker's batch may end, or a limit grow.
const FULL: Duration = Duration::from_secs(10);

/// All deployments of a pipeline; at least one.
pub(crate) struct Pool {
    members: Vec<Member>,
    /// Endpoints that failed, until when they get nothing new.
    shunned: Mutex<BTreeMap<String, Timestamp>>,
    started_at: OnceLock<Timestamp>,
    bundles: Bundles,
    /// Until when no deployment has room for more, if nothing happens before.
    full_until: Mutex<Option<Timestamp>>,
    window: Window,
}

/// A deployment.
pub(crate) struct Member {
    pub(crate) id: DeploymentId,
    pub(crate) context: Arc<Context>,
}

impl Pool {
    /// `first` is the deployment of `options`.
    pub(crate) fn new(
        backends: &Backends,
        first: Arc<dyn BatchApi>,
        others: Vec<(Arc<dyn BatchApi>, ServiceOptions)>,
        worker: WorkerId,
        options: PipelineOptions,
    ) -> Self {
        let layout = Layout::new(&options.lake);
        let chance = Arc::new(Chance::new(options.run.seed));
        let discovered: Arc<crate::poll::Discovered> = Arc::default();
        let mut surveys: BTreeMap<String, Arc<Survey>> = BTreeMap::new();
        let names = others.iter().map(|(_, other)| other).chain([&options.service]);
        let longest_name = names.filter_map(|service| service.deployment.clone()).max_by_key(String::len);
        let mut member = |service, options: PipelineOptions| Member {
            id: options.service.id(),
            context: Arc::new(Context {
                lake: backends.lake.clone(),
                service,
                estimator: backends.estimator.clone(),
                ledger: backends.ledger.clone(),
                layout: layout.clone(),
                survey: surveys.entry(options.service.name.clone()).or_default().clone(),
                discovered: discovered.clone(),
                chance: chance.clone(),
                longest_name: longest_name.clone(),
                options,
            }),
        };
        let mut members: Vec<Member> = others
            .into_iter()
            .map(|(service, other)| member(service, PipelineOptions { service: other, ..options.clone() }))
            .collect();
        members.insert(0, member(first, options));
        Self {
            members,
            shunned: Mutex::default(),
            started_at: OnceLock::new(),
            bundles: Bundles::default(),
            full_until: Mutex::default(),
            window: Window::new(worker),
        }
    }

    /// What is not of one deployment: lake, ledger, options.
    pub(crate) fn common(&self) -> &Arc<Context> {
        &self.members[0].context
    }

    pub(super) fn window(&self) -> &Window {
        &self.window
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The bundles of which the ledger may not know.
    pub(crate) fn bundles(&self) -> &Bundles {
        &self.bundles
    }

    /// One context for each endpoint.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Member> {
        let name = |member: &Member| member.context.options.service.name.clone();
        self.members.iter().enumerate().filter_map(move |(number, member)| {
            let first = self.members[..number].iter().all(|earlier| name(earlier) != name(member));
            first.then_some(member)
        })
    }

    /// Where a part is, or would be: an endpoint of which the deployment has another name now still has its batches.
    pub(crate) fn of(&self, deployment: Option<&DeploymentId>) -> StageResult<&Member> {
        let Some(id) = deployment else { return Ok(&self.members[0]) };
        let same = self.members.iter().find(|member| member.id == *id);
        let near = || self.members.iter().find(|member| member.context.options.service.name == id.endpoint());
        same.or_else(near).ok_or_else(|| {
            StageError::local(
                format!("the part was sent to {id}, which is not configured any more"),
                Some("put that endpoint back into the configuration until the file is done"),
            )
        })
    }

    /// A part as this deployment gets it: a longer or shorter name in each line makes more or fewer bytes.
    pub(crate) fn as_sent(member: &Member, part: &PartRecord) -> PartRecord {
        let mut part = part.clone();
        if let (Some(planned), Some(name)) = (&part.plan.named, member.context.new_model()) {
            let length = |name: &str| serde_json::to_string(name).map_or(0, |text| text.len() as u64);
            let bare = part.plan.upload_bytes.saturating_sub(part.plan.lines * length(planned));
            part.plan.upload_bytes = bare + part.plan.lines * length(name);
        }
        part
    }

    /// Takes no more parts for a while.
    pub(crate) fn fill(&self, now: Timestamp) {
        *self.full_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(now.after(FULL));
    }

    /// Something has changed: there may be room.
    pub(crate) fn stir(&self) {
        *self.full_until.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Until when there is no point in taking more parts.
    pub(crate) fn full_until(&self) -> Option<Timestamp> {
        *self.full_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When this run began, by the ledger's clock.
    pub(crate) fn started_at(&self, now: Timestamp) -> Timestamp {
        *self.started_at.get_or_init(|| now)
    }

    /// Keeps new parts away from an endpoint for a while.
    pub(crate) fn shun(&self, member: &Member, now: Timestamp) {
        self.shunned().insert(member.context.options.service.name.clone(), now.after(SHUNNED));
    }

    /// The endpoint answers.
    pub(crate) fn answers(&self, member: &Member) {
        self.shunned().remove(&member.context.options.service.name);
    }

    pub(crate) fn is_shunned(&self, member: &Member, now: Timestamp) -> bool {
        self.shunned().get(&member.context.options.service.name).is_some_and(|until| *until > now)
    }

    fn shunned(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.shunned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
