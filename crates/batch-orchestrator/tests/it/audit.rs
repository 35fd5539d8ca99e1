//! Audits of what the pipeline published, whole and edited; and the same check before an input is archived.

use std::sync::Arc;

use adls_io::{
    Condition, DataLake, DataLakeExt, Deleted, ETag, Entry, LakeWriter, ListMode, Location, ReadOptions,
    ReadStream, RenameOptions,
};
use aoai_emulator::{Outcome, OutcomeRule};
use async_trait::async_trait;
use batch_orchestrator::{
    Stop,
    audit::{Audit, AuditKind, audit_directory, published_directories},
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};

use crate::support::{World, at, fast, line, lines};

/// All that is published, in the order of the paths.
async fn audits(world: &World) -> Vec<Audit> {
    let mut all: Vec<Audit> = Vec::new();
    for root in ["processed", "error"] {
        let lake = world.lake.as_ref();
        let found: Vec<_> = published_directories(lake, &at(root, "")).try_collect().await.unwrap();
        for directory in found {
            if !all.iter().any(|audit| audit.directories.contains(&directory)) {
                all.push(audit_directory(lake, &directory).await.unwrap());
            }
        }
    }
    all
}

/// Ten lines of which two fail, sent in parts of at most four.
async fn published() -> World {
    let mut config = fast();
    config.outcomes = ["a-0003", "a-0009"]
        .map(|id| OutcomeRule {
            fraction: None,
            custom_id_contains: Some(id.into()),
            times: None,
            outcome: Outcome::Error { status: 400, code: "content_filter".into(), message: None },
        })
        .into();
    let mut world = World::new(config).await;
    world.options.limits.max_lines = 4;
    world.put("inbox/a.jsonl", lines("a", 10)).await;
    world.run().await;
    world
}

/// Changes the one published file whose name ends so.
async fn edit(world: &World, ending: &str, change: impl Fn(String) -> String) {
    for filesystem in ["processed", "error"] {
        for (path, bytes) in world.files(filesystem).await {
            if path.ends_with(ending) {
                let text = change(String::from_utf8(bytes.to_vec()).unwrap());
                let to = at(filesystem, &path);
                world.lake.write_all(&to, text.into(), Condition::Always).await.unwrap();
                return;
            }
        }
    }
    panic!("there is no {ending}");
}

/// What an audit finds after one file was changed so.
async fn after(ending: &str, change: impl Fn(String) -> String) -> Audit {
    let world = published().await;
    edit(&world, ending, change).await;
    let [audit] = audits(&world).await.try_into().expect("both directories are of one job");
    audit
}

fn kinds(audit: &Audit) -> Vec<AuditKind> {
    audit.counts.keys().copied().collect()
}

#[tokio::test]
async fn what_was_published_is_complete() {
    let world = published().await;
    world.put("inbox/bad.jsonl", "{}\n").await;
    world.put("inbox/good.jsonl", lines("good", 3)).await;
    world.run().await;
    let found = audits(&world).await;
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found.iter().all(Audit::is_clean), "{found:#?}");
    let a = found.iter().find(|audit| audit.lines == 10).unwrap();
    assert_eq!((a.output, a.errors, a.with_input, a.directories.len()), (8, 2, true, 2), "{a:#?}");
}

#[tokio::test]
async fn a_line_that_was_taken_out_is_named() {
    let audit =
        after("a_output.jsonl", |text| text.lines().skip(1).map(|line| format!("{line}\n")).collect()).await;
    assert_eq!(
        kinds(&audit),
        [AuditKind::ChangedFile, AuditKind::MissingId, AuditKind::WrongCount],
        "{audit:#?}"
    );
    let missing = audit.findings.iter().find(|finding| finding.kind == AuditKind::MissingId).unwrap();
    assert_eq!(missing.line, Some(1), "{missing:?}");
}

#[tokio::test]
async fn a_line_that_was_put_twice_is_named() {
    let audit = after("a_output.jsonl", |text| format!("{text}{}\n", text.lines().next().unwrap())).await;
    assert_eq!(
        kinds(&audit),
        [AuditKind::ChangedFile, AuditKind::DuplicateId, AuditKind::WrongCount],
        "{audit:#?}"
    );
    let twice = audit.findings.iter().find(|finding| finding.kind == AuditKind::DuplicateId).unwrap();
    assert_eq!(twice.line, Some(audit.output), "{twice:?}");
    assert!(twice.message.contains("a-0000"), "{twice:?}");
}

#[tokio::test]
async fn an_id_of_somebody_else_is_named() {
    let audit = after("a_output.jsonl", |text| text.replacen("a-0000", "b-0000", 1)).await;
    assert_eq!(
        kinds(&audit),
        [AuditKind::ChangedFile, AuditKind::UnknownId, AuditKind::MissingId],
        "{audit:#?}"
    );
}

#[tokio::test]
async fn a_cut_line_is_named() {
    let audit = after("a_error.jsonl", |text| text[..text.len() - 20].to_owned()).await;
    assert!(kinds(&audit).contains(&AuditKind::UnreadableLine), "{audit:#?}");
    assert!(kinds(&audit).contains(&AuditKind::MissingId), "{audit:#?}");
}

#[tokio::test]
async fn a_success_among_the_errors_is_named() {
    let audit =
        after("a_error.jsonl", |text| text.replace("\"status_code\":400", "\"status_code\":200")).await;
    assert!(kinds(&audit).contains(&AuditKind::WrongFile), "{audit:#?}");
}

#[tokio::test]
async fn a_changed_answer_is_noticed() {
    let audit = after("a_output.jsonl", |text| text.replacen("chat.completion", "chat.completiom", 1)).await;
    assert_eq!(kinds(&audit), [AuditKind::ChangedFile], "{audit:#?}");
}

#[tokio::test]
async fn a_changed_input_is_noticed() {
    let audit = after("/a.jsonl", |text| text + &line("late")).await;
    assert_eq!(
        kinds(&audit),
        [AuditKind::ChangedFile, AuditKind::MissingId, AuditKind::WrongCount],
        "{audit:#?}"
    );
}

#[tokio::test]
async fn a_changed_manifest_is_noticed() {
    let audit = after("manifest.json", |text| text.replacen("\"lines\": 10", "\"lines\": 11", 1)).await;
    assert!(!audit.is_clean(), "{audit:#?}");
    let world = published().await;
    edit(&world, "manifest.json", |_| "[]".to_owned()).await;
    // What cannot be read does not say what else belongs to it; the other directory does.
    let found: Vec<_> = audits(&world).await.iter().map(kinds).collect();
    assert_eq!(found, [[AuditKind::Manifest], [AuditKind::ChangedFile]]);
}

#[tokio::test]
async fn files_that_are_gone_or_strange_are_named() {
    let world = published().await;
    let files = world.files("processed").await;
    let output = files.keys().find(|path| path.ends_with("a_output.jsonl")).unwrap();
    let output = at("processed", output);
    world.lake.delete(&output, None).await.unwrap();
    let note = output.parent().join("note.txt").unwrap();
    world.lake.write_all(&note, "hello".into(), Condition::Always).await.unwrap();
    let [audit] = audits(&world).await.try_into().unwrap();
    let named =
        |kind: AuditKind| audit.findings.iter().find(|finding| finding.kind == kind).unwrap().file.clone();
    assert_eq!(named(AuditKind::MissingFile), output.to_string());
    assert_eq!(named(AuditKind::StrangeFile), note.to_string());
    assert_eq!(audit.counts[&AuditKind::MissingId], audit.lines - audit.errors);
    assert!(
        audit_directory(world.lake.as_ref(), &at("processed", "nowhere"))
            .await
            .unwrap()
            .counts
            .contains_key(&AuditKind::Manifest)
    );
}

/// A lake that gives back something else than was stored: the length is the same, so only reading notices.
struct Lying(Arc<dyn DataLake>);

#[async_trait]
impl DataLake for Lying {
    fn list(&self, directory: &Location, mode: ListMode) -> BoxStream<'static, adls_io::Result<Entry>> {
        self.0.list(directory, mode)
    }
    async fn head(&self, at: &Location) -> adls_io::Result<Entry> {
        self.0.head(at).await
    }
    async fn read(&self, at: &Location, options: ReadOptions) -> adls_io::Result<ReadStream> {
        let read = self.0.read(at, options).await?;
        if !at.path.as_str().ends_with("p0002-a1.output.jsonl") {
            return Ok(read);
        }
        let body = read.body.map_ok(|bytes| {
            Bytes::from(String::from_utf8(bytes.to_vec()).unwrap().replace("a-0004", "a-0005"))
        });
        Ok(ReadStream { body: body.boxed(), ..read })
    }
    async fn create(&self, at: &Location) -> adls_io::Result<Box<dyn LakeWriter>> {
        self.0.create(at).await
    }
    async fn rename(&self, from: &Location, to: &Location, options: RenameOptions) -> adls_io::Result<ETag> {
        self.0.rename(from, to, options).await
    }
    async fn delete(&self, at: &Location, if_match: Option<ETag>) -> adls_io::Result<Deleted> {
        self.0.delete(at, if_match).await
    }
    async fn delete_directory(&self, at: &Location) -> adls_io::Result<Deleted> {
        self.0.delete_directory(at).await
    }
    async fn ensure_filesystem(&self, name: &str) -> adls_io::Result<()> {
        self.0.ensure_filesystem(name).await
    }
}

#[tokio::test]
async fn an_input_is_archived_only_if_each_request_has_its_result() {
    let mut world = World::new(fast()).await;
    world.options.limits.max_lines = 4;
    world.put("inbox/a.jsonl", lines("a", 10)).await;
    let lake = Arc::new(Lying(world.lake.clone()));
    let (_ask, stop) = Stop::new();
    let report = world
        .pipeline_over(lake, world.client(), world.ledger.clone())
        .run(Arc::new(()), stop)
        .await
        .unwrap();
    assert_eq!((report.completed, report.quarantined), (0, 1), "{report:?}");
    assert!(world.files("input").await.contains_key("inbox/a.jsonl"), "the input is where it was");
    let state = format!("{:?}", world.jobs().await[0].job.state);
    assert!(state.contains("a second result") && state.contains("a-0005"), "{state}");
    // Nothing was deleted at the service.
    assert!(!world.emulator.control().snapshot().await.files.is_empty());
}
