//! Admission: what does not fit waits here, and the service hardly ever has to refuse.

use std::{sync::Arc, time::Duration};

use aoai_emulator::{BatchConfig, EmulatorConfig, QuotaConfig, QuotaMode};
use batch_orchestrator::{
    Backends, Pipeline, RunReport, ServiceOptions, Stop,
    ledger::{JobView, Ledger, WorkerId},
    quota::QuotaView,
};
use token_estimator::{EstimatorOptions, TiktokenEstimator};

use crate::support::{World, fast, ids, lines};

const FILES: usize = 200;

/// Batches that take a while, so that the quota fills.
fn slow() -> EmulatorConfig {
    let batches = BatchConfig { in_progress: Duration::from_millis(150), ..fast().batches };
    EmulatorConfig { batches, ..fast() }
}

fn file(n: usize) -> String {
    lines(&format!("f{n:03}"), 1 + n % 7)
}

/// A twentieth of the tokens of all files, by the emulator's figure.
fn twentieth() -> u64 {
    let body = |line: &str| line.len() - line.find("\"body\":").unwrap() - 8;
    let characters: usize = (0..FILES).map(|n| file(n).lines().map(body).sum::<usize>()).sum();
    characters as u64 / 4 / 20
}

/// Two hundred files before an emulator with this quota.
async fn many_files(quota: QuotaConfig) -> World {
    let mut world = World::new(EmulatorConfig { quota, ..slow() }).await;
    // A list of hundreds of batches is some work for the emulator.
    world.options.run.poll_interval = Duration::from_millis(150);
    for n in 0..FILES {
        world.put(&format!("inbox/{n:03}.jsonl"), file(n)).await;
    }
    world
}

/// A run over deployments of these names and weights, all at the emulator.
async fn run(world: &World, deployments: &[(&str, f64)]) -> RunReport {
    let backends = Backends {
        lake: world.lake.clone(),
        estimator: Some(Arc::new(TiktokenEstimator::new(EstimatorOptions::default()))),
        ledger: world.ledger.clone(),
    };
    let service = |(name, weight): &(&str, f64)| ServiceOptions {
        deployment: Some((*name).to_owned()),
        weight: *weight,
        ..world.options.service.clone()
    };
    let mut options = world.options.clone();
    options.service = service(&deployments[0]);
    let others = deployments[1..].iter().map(|other| (world.client(), service(other))).collect();
    let pipeline = Pipeline::pooled(&backends, world.client(), others, WorkerId("w".into()), options);
    let (_ask, stop) = Stop::new();
    let run = pipeline.run(Arc::new(()), stop);
    match tokio::time::timeout(Duration::from_secs(60), run).await {
        Ok(report) => report.unwrap(),
        Err(_) => panic!(
            "the run hangs: {:#?} {:#?}",
            world.ledger.quotas().await,
            world.jobs().await.iter().filter(|v| !v.job.state.is_at_rest()).take(3).collect::<Vec<_>>()
        ),
    }
}

async fn books(world: &World) -> QuotaView {
    world.ledger.quotas().await.unwrap().remove(0)
}

async fn everything_came_back(world: &World, report: &RunReport) {
    assert_eq!((report.completed, report.error_lines), (FILES as u64, 0), "{report:?}");
    let outputs = world.files("processed").await;
    let outputs = outputs.iter().filter(|(path, _)| path.ends_with("_output.jsonl"));
    let all: usize = outputs.map(|(_, bytes)| ids(std::str::from_utf8(bytes).unwrap()).len()).sum();
    assert_eq!(all as u64, report.output_lines);
    for view in world.ledger.quotas().await.unwrap() {
        assert_eq!((view.reserved, view.waiting, view.coming), (0, 0, 0), "{view:?}");
    }
    world.assert_clean().await;
}

/// A total of twenty times the quota; the service counts as its settings say.
async fn twenty_times_the_quota(mode: QuotaMode, percent: u64, headers: bool) -> QuotaView {
    let limit = twentieth();
    let quota = QuotaConfig {
        max_enqueued_tokens: Some(limit * percent / 100),
        percent: Some(percent),
        mode,
        headers,
        ..QuotaConfig::default()
    };
    let mut world = many_files(quota).await;
    world.options.run.max_in_flight = 40;
    world.options.service.enqueued_tokens = Some(limit * percent / 100);
    let report = run(&world, &[("gpt-4o-mini-batch", 1.0)]).await;
    everything_came_back(&world, &report).await;
    books(&world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_times_the_quota_goes_through_without_a_refusal() {
    for mode in [QuotaMode::FailFast, QuotaMode::FailLater] {
        let books = twenty_times_the_quota(mode, 100, false).await;
        assert_eq!((books.record.created, books.record.refused), (FILES as u64, 0), "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_counts_more_than_we_do_is_learned_from_its_headers() {
    for mode in [QuotaMode::FailFast, QuotaMode::FailLater] {
        let books = twenty_times_the_quota(mode, 140, true).await;
        let refused = books.record.refused as f64 / FILES as f64;
        assert!(refused <= 0.02, "{mode:?}: {books:?}");
        let factor = books.record.factor();
        assert!((1.25..1.6).contains(&factor), "{mode:?}: {factor}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_limit_and_without_headers_the_first_refusals_teach_it() {
    for mode in [QuotaMode::FailFast, QuotaMode::FailLater] {
        let quota = QuotaConfig { max_enqueued_tokens: Some(twentieth()), mode, ..QuotaConfig::default() };
        let mut world = many_files(quota).await;
        world.options.run.max_in_flight = 40;
        let report = run(&world, &[("gpt-4o-mini-batch", 1.0)]).await;
        everything_came_back(&world, &report).await;
        let books = books(&world).await;
        assert!(books.record.learned_limit.is_some(), "{books:?}");
        // Everything that was under way before the first refusal was known may be refused as well.
        assert!((1..=40).contains(&books.record.refused), "{mode:?}: {books:?}");
    }
}

/// The share of tokens that went to each deployment, by the parts' own account.
fn shares(jobs: &[JobView]) -> std::collections::BTreeMap<String, u64> {
    let mut shares = std::collections::BTreeMap::new();
    for part in jobs.iter().flat_map(|view| &view.parts) {
        let name = part.deployment.as_ref().unwrap().0.clone();
        *shares.entry(name).or_default() += part.plan.quota_tokens();
    }
    shares
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deployments_share_the_work_by_their_weights() {
    let limit = twentieth();
    // Quotas in the same proportion; each fills.
    let per_deployment = [("big".to_owned(), limit * 3 / 4), ("small".to_owned(), limit / 4)].into();
    let quota = QuotaConfig { per_deployment, headers: true, ..QuotaConfig::default() };
    let mut world = many_files(quota).await;
    world.options.run.max_in_flight = 20;
    world.options.service.set_model = true;
    let report = run(&world, &[("big", 3.0), ("small", 1.0)]).await;
    everything_came_back(&world, &report).await;
    let shares = shares(&world.jobs().await);
    let all: u64 = shares.values().sum();
    let big = shares["emulator#big"] as f64 / all as f64;
    assert!((big / 0.75 - 1.0).abs() <= 0.1, "{shares:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_waits_too_long_moves_to_a_deployment_with_room() {
    let per_deployment = [("full".to_owned(), 1)].into();
    let quota = QuotaConfig { per_deployment, ..QuotaConfig::default() };
    let mut world = World::new(EmulatorConfig { quota, ..fast() }).await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    world.options.service.set_model = true;
    world.options.run.move_after = Duration::from_millis(100);
    // By weight, the first one is "full".
    let report = run(&world, &[("full", 9.0), ("free", 1.0)]).await;
    assert_eq!(report.completed, 1, "{report:?}");
    let jobs = world.jobs().await;
    assert_eq!(shares(&jobs).keys().collect::<Vec<_>>(), ["emulator#free"]);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_stops_before_it_is_exceeded_and_the_next_run_goes_on() {
    use batch_orchestrator::cost::{Price, Prices};
    let mut world = World::new(fast()).await;
    for n in 0..6 {
        world.put(&format!("inbox/{n}.jsonl"), lines(&format!("f{n}"), 2)).await;
    }
    // A dollar for each token of an answer, and no more than ten tokens are assumed for one.
    let price = |dollars: f64| Price::per_million(dollars).unwrap();
    let prices = Prices { input: price(0.0), cached_input: None, output: price(1e6) };
    world.options.service.prices = Some(prices);
    world.options.cost.assumed_output = 10;
    world.options.cost.max_per_run = Some(45_000_000_000);
    let report = run(&world, &[("gpt-4o-mini-batch", 1.0)]).await;
    assert!(report.completed >= 2 && report.completed < 6, "{report:?}");
    assert_eq!(report.completed + report.over_budget, 6, "{report:?}");
    let paid: u64 =
        world.jobs().await.iter().flat_map(|v| &v.parts).filter_map(|p| p.spending).map(|s| s.cost).sum();
    assert!(paid <= 45_000_000_000, "{paid}");
    world.options.cost.max_per_run = None;
    let report = run(&world, &[("gpt-4o-mini-batch", 1.0)]).await;
    assert!(!report.has_errors() && report.in_flight == 0, "{report:?}");
    world.assert_clean().await;
}
