//! Bad input: what is wrong, where, what to do; the other files go on; nothing is lost.

use std::{sync::Arc, time::Duration};

use adls_io::{
    Condition, DataLake, DataLakeExt, Deleted, ETag, Entry, ErrorKind, LakeWriter, ListMode, Location,
    ReadOptions, ReadStream, RenameOptions, Written,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::support::{World, at, fast, ids, json, line, line_with, lines};

/// A bad file beside a good one; answers with the findings (line, code, message) of its report.
async fn rejected(world: &World, bad: impl Into<Bytes>) -> Vec<(Option<u64>, String, String)> {
    let bad = bad.into();
    world.put("inbox/bad.jsonl", bad.clone()).await;
    world.put("inbox/good.jsonl", lines("good", 2)).await;
    let report = world.run().await;
    assert_eq!((report.rejected, report.completed), (1, 1), "the other file goes on: {report:?}");
    assert!(report.has_errors(), "the exit code will say so");
    let files = world.files("error").await;
    let raw = files.iter().find(|(path, _)| path.ends_with("/bad.jsonl")).expect("the input is kept").1;
    assert_eq!(*raw, bad, "byte for byte");
    world.assert_clean().await;
    let text = world.file("error", "bad_error.jsonl").await;
    text.lines()
        .map(json)
        .map(|finding| {
            assert!(finding["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "what to do: {finding}");
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            (finding["line"].as_u64(), text("code"), text("message"))
        })
        .collect()
}

fn utf16(text: &str, little: bool) -> Vec<u8> {
    let unit = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(unit).collect()
}

/// The bytes of a bad file, and of each finding: line, code, part of the message.
type Case = (Vec<u8>, Vec<(Option<u64>, &'static str, &'static str)>);

#[tokio::test(flavor = "multi_thread")]
async fn each_way_of_being_wrong_is_named_with_its_line() {
    let good = line("ok");
    let cases: Vec<Case> = vec![
        (b"".to_vec(), vec![(None, "empty_file", "no lines")]),
        (format!("\u{feff}{good}").into(), vec![(Some(1), "invalid_encoding", "byte order mark")]),
        (utf16(&good, true), vec![(Some(1), "invalid_encoding", "UTF-16 (little endian)")]),
        (utf16(&good, false), vec![(Some(1), "invalid_encoding", "UTF-16 (big endian)")]),
        (
            [good.as_bytes(), b"{\"custom_id\":\"\xff\"}\n"].concat(),
            vec![(Some(2), "invalid_encoding", "byte 15")],
        ),
        (
            format!("{good}{{\"custom_id\": \n").into(),
            vec![(Some(2), "invalid_json_line", "not a valid JSON")],
        ),
        (format!("{good}\n").into(), vec![(Some(2), "invalid_json_line", "empty")]),
        (format!("{} trailing\n", good.trim_end()).into(), vec![(Some(1), "invalid_json_line", "trailing")]),
        (
            format!("{good}{}{good}", line("other")).into(),
            vec![(Some(3), "duplicate_custom_id", "custom_id \"ok\" is that of line 1")],
        ),
        (
            good.replace("\"model\":\"gpt-4o-mini-batch\",", "").into(),
            vec![(Some(1), "invalid_request", "body.model is missing")],
        ),
        (
            format!("{good}{}", line_with("2", "other-model")).into(),
            vec![(Some(2), "model_mismatch", "\"other-model\" but line 1 has \"gpt-4o-mini-batch\"")],
        ),
        (
            good.replace("/chat/completions", "/v1/embeddings").into(),
            vec![(Some(1), "url_mismatch", "expected \"/chat/completions\"")],
        ),
        (good.replace("POST", "GET").into(), vec![(Some(1), "invalid_request", "method is \"GET\"")]),
        (good.replace("\"ok\"", "7").into(), vec![(Some(1), "invalid_request", "custom_id is 7")]),
        (
            good.replace("[{", "\"a secret prompt\", \"x\":[{").into(),
            vec![(Some(1), "invalid_request", "body.messages is a string, expected")],
        ),
        (
            good.replace("\"messages\":[", "\"messages\":[],\"x\":[").into(),
            vec![(Some(1), "invalid_request", "body.messages is an empty array")],
        ),
    ];
    for (bad, expected) in cases {
        let world = World::new(fast()).await;
        let found = rejected(&world, bad.clone()).await;
        let bad = String::from_utf8_lossy(&bad).into_owned();
        assert_eq!(found.len(), expected.len(), "{bad}: {found:?}");
        for ((line, code, message), (expected_line, expected_code, part)) in found.iter().zip(&expected) {
            assert_eq!((line, code.as_str()), (expected_line, *expected_code), "{bad}: {message}");
            assert!(message.contains(part), "{bad}: {message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_errors_are_counted_and_the_first_hundred_of_a_kind_are_listed() {
    let world = World::new(fast()).await;
    let found = rejected(&world, "x\n".repeat(250)).await;
    assert_eq!(found.len(), 101);
    assert!(found[100].2.contains("150 more of this kind, 250 in all"), "{:?}", found[100]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_ten_megabytes_is_refused_with_its_size() {
    let world = World::new(fast()).await;
    let long = line("long").replace("question long", &"x".repeat(10 << 20));
    let found = rejected(&world, format!("{}{long}{}", line("1"), line("3"))).await;
    assert_eq!((found[0].0, found[0].1.as_str()), (Some(2), "line_too_long"));
    assert!(found[0].2.contains("limits.max_line_bytes"), "{}", found[0].2);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_lines_and_too_many_bytes_name_the_limit() {
    let mut world = World::new(fast()).await;
    (world.options.limits.max_lines, world.options.limits.split) = (1000, false);
    let found = rejected(&world, lines("a", 1001)).await;
    assert_eq!((found[0].0, found[0].1.as_str()), (Some(1001), "too_many_tasks"));

    let mut world = World::new(fast()).await;
    (world.options.limits.max_file_bytes, world.options.limits.split) = (1000, false);
    let found = rejected(&world, lines("a", 20)).await;
    assert_eq!((found[0].0, found[0].1.as_str()), (None, "file_too_large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_still_being_written_is_left_alone_and_said_so() {
    let mut world = World::new(fast()).await;
    world.options.run.settle_time = Duration::from_millis(300);
    world.put("inbox/old.jsonl", lines("old", 2)).await;
    let write = async {
        for n in 0..12 {
            world.put("inbox/growing.jsonl", lines("growing", n + 1)).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (report, ()) = tokio::join!(world.run(), write);
    assert_eq!((report.completed, report.skipped), (1, 1), "{report:?}");
    assert_eq!(world.files("input").await.len(), 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.run().await.output_lines, 12, "whole, once it is at rest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_replaced_while_its_batch_runs_is_two_jobs_and_both_are_whole() {
    let mut config = fast();
    config.batches.in_progress = Duration::from_millis(300);
    let world = World::new(config).await;
    world.put("inbox/a.jsonl", lines("first", 3)).await;
    let replace = async {
        while world.emulator.control().snapshot().await.batches.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world.put("inbox/a.jsonl", lines("second", 4)).await;
    };
    let (report, ()) = tokio::join!(world.run(), replace);
    assert_eq!(report.completed, 1);
    assert_eq!(ids(&world.file("processed", "a_output.jsonl").await).len(), 3, "the version that was sent");
    let manifest = json(&world.file("processed", "manifest.json").await);
    assert_eq!(manifest["input"]["raw"]["state"], "replaced");
    assert_eq!(world.files("input").await.len(), 1, "the new version is still there");
    let report = world.run().await;
    assert_eq!((report.completed, report.output_lines), (1, 4), "and is a job of its own");
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_replaced_before_it_is_sent_is_left_to_its_new_version() {
    let mut config = fast();
    config.batches.in_progress = Duration::from_millis(300);
    let mut world = World::new(config).await;
    world.options.run.max_in_flight = 1;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    world.put("inbox/b.jsonl", lines("b", 3)).await;
    let control = world.emulator.control();
    let replace = async {
        // Whichever goes first, the other one is planned and waits for its turn.
        let first = loop {
            if let Some(batch) = control.snapshot().await.batches.first() {
                let first = &batch.input_filename;
                let job =
                    world.jobs().await.into_iter().find(|view| first.contains(&view.job.key.0)).unwrap();
                break job.job.input.location.path.file_name().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let waiting = if first == "a.jsonl" { "inbox/b.jsonl" } else { "inbox/a.jsonl" };
        world.put(waiting, lines("new", 4)).await;
    };
    let (report, ()) = tokio::join!(world.run(), replace);
    assert_eq!((report.completed, report.dropped), (1, 1), "{report:?}");
    assert_eq!(control.snapshot().await.batches.len(), 1, "the old version was never paid for");
    let report = world.run().await;
    assert_eq!((report.completed, report.output_lines), (1, 4));
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_named_like_a_file_is_passed_over_and_its_files_are_not() {
    let world = World::new(fast()).await;
    world.put("inbox/dir.jsonl/a.jsonl", lines("a", 2)).await;
    let report = world.run().await;
    assert_eq!((report.completed, report.skipped), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_be_read_stays_and_the_others_go_on() {
    let world = World::new(fast()).await;
    world.put("inbox/secret.jsonl", lines("secret", 2)).await;
    world.put("inbox/open.jsonl", lines("open", 2)).await;
    let denied = Arc::new(Faulty::denied(world.lake.clone(), at("input", "inbox/secret.jsonl")));
    let (_ask, stop) = batch_orchestrator::Stop::new();
    let problems = Arc::new(crate::support::Problems::default());
    let pipeline = world.pipeline_over(denied, world.client(), world.ledger.clone());
    let report = pipeline.run(problems.clone(), stop).await.unwrap();
    assert_eq!((report.completed, report.waiting), (1, 1), "{report:?}");
    let problems = problems.0.lock().unwrap().clone();
    assert!(
        problems.iter().all(|p| p.contains("inbox/secret.jsonl") && p.contains("denied")),
        "{problems:?}"
    );
    assert_eq!(world.run().await.completed, 1, "done as soon as it may be read");
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ledgers_claim_is_respected() {
    let world = World::new(fast()).await;
    world.put("inbox/a.jsonl", lines("a", 2)).await;
    // The other one has claimed the file.
    let entry = world.lake.head(&at("input", "inbox/a.jsonl")).await.unwrap();
    let input = batch_orchestrator::model::InputSnapshot {
        location: entry.location,
        etag: entry.etag,
        size: entry.size,
        modified_ms: entry.modified_ms,
    };
    let key = batch_orchestrator::model::JobKey::derive("test", &input, 0);
    let marker =
        serde_json::json!({ "format": 1, "ledger": "other", "job": key, "input": input, "since": 0 });
    let marker = Bytes::from(marker.to_string());
    let claim = at("processed", &format!("_aoai-batch/claims/{key}.json"));
    world.lake.write_all(&claim, marker, Condition::IfAbsent).await.unwrap();
    let report = world.run().await;
    assert_eq!((report.foreign, report.completed), (1, 0), "{report:?}");
    assert_eq!(world.files("input").await.len(), 1);
    assert!(world.emulator.control().snapshot().await.batches.is_empty());
    // Once its claim is gone, the file is ours.
    world.lake.delete(&claim, None).await.unwrap();
    assert_eq!(world.run().await.completed, 1);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_refuses_is_told_at_the_start_and_nothing_is_touched() {
    let world = World::new(fast()).await;
    world.put("inbox/a.jsonl", lines("a", 2)).await;
    let client = world.client();
    let World { lake, ledger, emulator, options, .. } = world;
    emulator.shutdown().await;
    let worker = batch_orchestrator::ledger::WorkerId("w".into());
    let pipeline = batch_orchestrator::Pipeline::new(lake.clone(), client, None, ledger, worker, options);
    let (_ask, stop) = batch_orchestrator::Stop::new();
    let error = pipeline.run(Arc::new(()), stop).await.unwrap_err();
    assert!(matches!(error, batch_orchestrator::PipelineError::Service(_)), "{error:?}");
    assert!(lake.exists(&at("input", "inbox/a.jsonl")).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn result_lines_that_do_not_belong_are_for_a_person() {
    let mut config = fast();
    config.outcomes = vec![aoai_emulator::OutcomeRule {
        fraction: None,
        custom_id_contains: Some("a-0001".into()),
        times: None,
        outcome: aoai_emulator::Outcome::Duplicate,
    }];
    let world = World::new(config).await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let report = world.run().await;
    assert_eq!(report.quarantined, 1, "{report:?}");
    let jobs = world.jobs().await;
    let reason = format!("{:?}", jobs[0].job.state);
    assert!(reason.contains("a-0001") && reason.contains("second result"), "{reason}");
    assert_eq!(world.files("input").await.len(), 1, "nothing is deleted");
    assert!(!world.emulator.control().snapshot().await.files.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_lines_and_lines_of_status_zero_are_errors_not_success() {
    let rule = |id: &str, outcome| aoai_emulator::OutcomeRule {
        fraction: None,
        custom_id_contains: Some(id.into()),
        times: None,
        outcome,
    };
    let mut config = fast();
    config.outcomes = vec![
        rule("a-0001", aoai_emulator::Outcome::Missing),
        rule("a-0003", aoai_emulator::Outcome::StatusZero),
    ];
    let world = World::new(config).await;
    let input = lines("a", 5);
    world.put("inbox/a.jsonl", input.clone()).await;
    let (report, problems) = world.run_with_problems().await;
    assert_eq!((report.partial, report.output_lines, report.error_lines), (1, 3, 2), "{problems:?}");
    let errors = world.file("error", "a_error.jsonl").await;
    assert_eq!(ids(&errors), ["a-0001", "a-0003"], "in input order");
    assert!(errors.contains("result_missing"), "{errors}");
    let failed = world.file("error", "a_failed.jsonl").await;
    let sent: Vec<_> = input.lines().collect();
    assert_eq!(failed.lines().collect::<Vec<_>>(), [sent[1], sent[3]], "the request lines, as they were");
    world.assert_clean().await;
}

/// A lake with one fault that lasts.
pub(crate) struct Faulty {
    inner: Arc<dyn DataLake>,
    /// Files with this in their name cannot be written: the disk is full.
    full: Option<&'static str>,
    /// This file may not be read.
    denied: Option<Location>,
}

impl Faulty {
    pub(crate) fn full_disk(inner: Arc<dyn DataLake>, name: &'static str) -> Self {
        Self { inner, full: Some(name), denied: None }
    }

    fn denied(inner: Arc<dyn DataLake>, file: Location) -> Self {
        Self { inner, full: None, denied: Some(file) }
    }
}

struct FullWriter(Location);

#[async_trait]
impl LakeWriter for FullWriter {
    async fn write(&mut self, _bytes: Bytes) -> adls_io::Result<()> {
        Err(adls_io::Error::new(ErrorKind::StorageFull, "write", &self.0, "no space left on device"))
    }
    async fn commit(self: Box<Self>, _condition: Condition) -> adls_io::Result<Written> {
        Err(adls_io::Error::new(ErrorKind::StorageFull, "write", &self.0, "no space left on device"))
    }
}

#[async_trait]
impl DataLake for Faulty {
    fn list(&self, directory: &Location, mode: ListMode) -> BoxStream<'static, adls_io::Result<Entry>> {
        self.inner.list(directory, mode)
    }
    async fn head(&self, at: &Location) -> adls_io::Result<Entry> {
        self.inner.head(at).await
    }
    async fn read(&self, at: &Location, options: ReadOptions) -> adls_io::Result<ReadStream> {
        if self.denied.as_ref() == Some(at) {
            return Err(adls_io::Error::new(ErrorKind::PermissionDenied, "read", at, "permission denied"));
        }
        self.inner.read(at, options).await
    }
    async fn create(&self, at: &Location) -> adls_io::Result<Box<dyn LakeWriter>> {
        if self.full.is_some_and(|name| at.path.file_name().contains(name)) {
            return Ok(Box::new(FullWriter(at.clone())));
        }
        self.inner.create(at).await
    }
    async fn rename(&self, from: &Location, to: &Location, options: RenameOptions) -> adls_io::Result<ETag> {
        self.inner.rename(from, to, options).await
    }
    async fn delete(&self, at: &Location, if_match: Option<ETag>) -> adls_io::Result<Deleted> {
        self.inner.delete(at, if_match).await
    }
    async fn delete_directory(&self, at: &Location) -> adls_io::Result<Deleted> {
        self.inner.delete_directory(at).await
    }
    async fn ensure_filesystem(&self, name: &str) -> adls_io::Result<()> {
        self.inner.ensure_filesystem(name).await
    }
}
