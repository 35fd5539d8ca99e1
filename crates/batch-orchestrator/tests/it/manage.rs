//! What a person asks for beside the pipeline: what failed once more, and what nobody needs away.

use adls_io::{Condition, DataLakeExt};
use aoai_batch_client::{CreateBatch, FileId, Upload};
use aoai_emulator::{Outcome, OutcomeRule};
use batch_orchestrator::{
    manage::{Fate, PutBackError, Resend, Thing, put_back},
    model::{JobKey, PartKey},
};

use crate::support::{World, fast, ids, lines, now};

async fn failing(times: Option<u32>) -> World {
    let mut config = fast();
    let outcome = Outcome::Error { status: 400, code: "content_filter".into(), message: None };
    config.outcomes =
        vec![OutcomeRule { fraction: None, custom_id_contains: Some("-0001".into()), times, outcome }];
    World::new(config).await
}

async fn view_of(world: &World, file: &str) -> batch_orchestrator::ledger::JobView {
    let jobs = world.jobs().await;
    jobs.into_iter().find(|view| view.job.input.location.path.as_str().contains(file)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_put_back_once_and_becomes_a_job_of_its_own() {
    let world = failing(Some(1)).await;
    world.put("inbox/sub/a.jsonl", lines("a", 3)).await;
    assert_eq!(world.run().await.error_lines, 1);
    let view = view_of(&world, "a.jsonl").await;
    let back = |resend| put_back(world.lake.as_ref(), world.ledger.as_ref(), &view, resend);
    let to = back(Resend::Failed).await.unwrap();
    let name = format!("inbox/sub/a.retry-{}.jsonl", &view.job.key.0[..8]);
    assert_eq!(to.path.as_str(), name);
    let text = world.lake.read_all(&to, u64::MAX).await.unwrap();
    assert_eq!(ids(std::str::from_utf8(&text).unwrap()), ["a-0001"]);
    assert!(matches!(back(Resend::Failed).await, Err(PutBackError::Waiting(at)) if at == to));
    let missing = back(Resend::Nonconforming).await;
    assert!(matches!(missing, Err(PutBackError::Nothing(_))), "{missing:?}");

    let report = world.run().await;
    assert_eq!((report.completed, report.output_lines), (1, 1), "{report:?}");
    let retry = view_of(&world, "retry-").await;
    let again = back(Resend::Failed).await;
    assert!(matches!(&again, Err(PutBackError::SentBefore(job)) if *job == retry.job.key), "{again:?}");
    let nothing = put_back(world.lake.as_ref(), world.ledger.as_ref(), &retry, Resend::Failed).await;
    assert!(matches!(nothing, Err(PutBackError::Nothing(_))), "{nothing:?}");

    let all = back(Resend::All).await.unwrap();
    assert!(all.path.as_str().starts_with("inbox/sub/a.all-"), "{all}");
    assert_eq!(world.run().await.output_lines, 3);
    // Two lines were paid for twice, because a person said so.
    assert_eq!(world.emulator.control().books().await.billed_total, 2 + 1 + 3);
    assert_eq!(world.emulator.control().snapshot().await.files, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_done_is_put_back() {
    let world = failing(None).await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let account = &world.options.lake.account;
    let at = crate::support::at("input", "inbox/a.jsonl");
    let entry = world.lake.head(&at).await.unwrap();
    let input = batch_orchestrator::model::InputSnapshot {
        location: at,
        etag: entry.etag,
        size: entry.size,
        modified_ms: entry.modified_ms,
    };
    use batch_orchestrator::ledger::Ledger;
    world.ledger.discover(account, &[input], now()).await.unwrap();
    let view = view_of(&world, "a.jsonl").await;
    let refused = put_back(world.lake.as_ref(), world.ledger.as_ref(), &view, Resend::All).await;
    assert!(matches!(refused, Err(PutBackError::NotDone(_, "seen"))), "{refused:?}");
}

async fn upload(world: &World, name: String) -> FileId {
    let bytes = lines("x", 50).into_bytes();
    let upload = Upload::from_reader(name, Some(bytes.len() as u64), std::io::Cursor::new(bytes));
    world.client().upload_file(upload).await.unwrap().id
}

fn file(job: &JobKey) -> String {
    PartKey { job: job.clone(), part: 1, attempt: 1 }.service_file(9)
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_what_is_ours_old_and_of_no_use_and_nothing_else() {
    let mut config = fast();
    // To the ledger, whatever the service has is old.
    config.clock.start = Some(now().0 / 1000 - 3 * 3600);
    let world = World::new(config).await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    assert_eq!(world.run().await.completed, 1);
    let finished = view_of(&world, "a.jsonl").await.job.key;
    let ours = upload(&world, file(&finished)).await;
    let unknown = upload(&world, file(&JobKey("f".repeat(24)))).await;
    let foreign = upload(&world, "somebody-else.jsonl".to_owned()).await;
    let read = upload(&world, PartKey { job: finished.clone(), part: 1, attempt: 1 }.service_file(8)).await;
    let create = CreateBatch {
        input_file_id: Some(read.clone()),
        endpoint: "/chat/completions".into(),
        completion_window: "24h".into(),
        ..CreateBatch::default()
    };
    let surplus = world.client().create_batch(&create).await.unwrap().batch.id;
    while world.client().get_batch(&surplus).await.unwrap().output_file_id.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }

    let pipeline = world.pipeline();
    let garbage = pipeline.garbage().await.unwrap();
    let files: Vec<_> = garbage
        .iter()
        .map(|one| match &one.thing {
            Thing::Input { id, .. } | Thing::Results { id, .. } => (id.clone(), one.fate),
            other => panic!("no batch runs, and the lake is clean: {other:?}"),
        })
        .collect();
    for (id, fate) in [(&ours, Fate::Remove), (&read, Fate::Remove), (&unknown, Fate::Unknown)] {
        assert!(files.contains(&(id.clone(), fate)), "{id:?} {fate:?}: {garbage:#?}");
    }
    assert!(files.iter().all(|(id, _)| *id != foreign), "it is nobody's business");
    assert!(
        garbage.iter().any(|one| matches!(&one.thing, Thing::Results { batch, .. } if *batch == surplus))
    );
    // Looking changes nothing.
    assert_eq!(pipeline.garbage().await.unwrap(), garbage);
    // Another ledger works on this version of the file, and so under the same key.
    let input = view_of(&world, "a.jsonl").await.job.input;
    let marker = serde_json::json!({
        "format": 1, "ledger": "another", "job": finished, "input": input, "since": 0,
    });
    let claim = JobKey::derive(&world.options.lake.account, &input, 0);
    let claim = crate::support::at("processed", &format!("_aoai-batch/claims/{claim}.json"));
    world.lake.write_all(&claim, marker.to_string().into(), Condition::Always).await.unwrap();
    let theirs = pipeline.garbage().await.unwrap();
    assert!(theirs.iter().all(|one| one.fate == Fate::Unknown), "{theirs:#?}");
    world.lake.delete(&claim, None).await.unwrap();
    let to_go = garbage.iter().filter(|one| one.fate == Fate::Remove).count() as u64;
    assert_eq!(pipeline.remove(&garbage).await.unwrap(), to_go);
    assert_eq!(pipeline.remove(&garbage).await.unwrap(), to_go, "doing it twice does no harm");
    let left = world.emulator.control().snapshot().await.files;
    let mut left: Vec<_> = left.into_iter().map(|file| file.id).collect();
    let mut expected = vec![unknown.0, foreign.0];
    left.sort();
    expected.sort();
    assert_eq!(left, expected);
    assert!(pipeline.garbage().await.unwrap().iter().all(|one| one.fate != Fate::Remove));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_needed_or_young_stays_and_a_surplus_batch_that_runs_is_cancelled() {
    let mut config = fast();
    config.batches.in_progress = std::time::Duration::from_secs(60);
    let world = World::new(config).await;
    let young = upload(&world, file(&JobKey("a".repeat(24)))).await;
    assert_eq!(world.pipeline().garbage().await.unwrap()[0].fate, Fate::Unknown, "{young:?}");
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let (ask, stop) = batch_orchestrator::Stop::new();
    let pipeline = world.pipeline();
    let interrupt = async {
        while world.emulator.control().snapshot().await.batches.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        ask.send(true).unwrap();
    };
    let (report, ()) = tokio::join!(pipeline.run(std::sync::Arc::new(()), stop), interrupt);
    assert!(report.unwrap().interrupted);
    let garbage = pipeline.garbage().await.unwrap();
    let fates: Vec<_> =
        garbage.iter().filter(|one| one.job != Some(JobKey("a".repeat(24)))).map(|one| one.fate).collect();
    assert_eq!(fates, [Fate::Needed; 3], "its batch, its input and its work directory: {garbage:#?}");
    assert_eq!(pipeline.remove(&garbage).await.unwrap(), 0);
}

/// Somebody was paused, and wrote into the work directory of a job that was finished meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_into_the_lake_is_garbage() {
    let world = World::new(fast()).await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    assert_eq!(world.run().await.completed, 1);
    let finished = view_of(&world, "a.jsonl").await.job.key;
    let unknown = JobKey("f".repeat(24));
    let write = async |job: &JobKey| {
        let to = crate::support::at("processed", &format!("_aoai-batch/work/{job}/p0001-a1.output.jsonl"));
        world.lake.write_all(&to, "late".into(), Condition::Always).await.unwrap();
        to
    };
    let (late, foreign) = (write(&finished).await, write(&unknown).await);
    let pipeline = world.pipeline();
    let mut garbage = pipeline.garbage().await.unwrap();
    let fates: Vec<_> = garbage.iter().map(|one| (one.job.clone().unwrap(), one.fate)).collect();
    assert_eq!(fates.len(), 2, "{garbage:#?}");
    assert!(
        fates.contains(&(finished, Fate::Young)) && fates.contains(&(unknown, Fate::Unknown)),
        "{fates:?}"
    );
    // As it is an hour later.
    for one in garbage.iter_mut().filter(|one| one.fate == Fate::Young) {
        one.fate = Fate::Remove;
    }
    assert_eq!(pipeline.remove(&garbage).await.unwrap(), 1);
    assert_eq!(
        (world.lake.exists(&late).await.unwrap(), world.lake.exists(&foreign).await.unwrap()),
        (false, true)
    );
    assert_eq!(pipeline.remove(&garbage).await.unwrap(), 1, "doing it twice does no harm");
}
