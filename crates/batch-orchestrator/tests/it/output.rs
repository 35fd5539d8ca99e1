//! What stands beside the results: tables, and answers that are not what was asked for.

use batch_orchestrator::{MergeOptions, TableFormat};

use crate::support::{World, fast, ids, json, lines};

async fn world(config: aoai_emulator::EmulatorConfig) -> World {
    let mut world = World::new(config).await;
    world.options.output.formats = vec![TableFormat::Csv, TableFormat::Parquet];
    world.options.output.request_fields =
        ["body.metadata.ticket", "/body/messages/0/content"].map(|field| field.parse().unwrap()).into();
    world
}

fn failing(id: &str, times: Option<u32>, status: u16) -> aoai_emulator::OutcomeRule {
    let outcome = aoai_emulator::Outcome::Error { status, code: "code".into(), message: None };
    aoai_emulator::OutcomeRule { fraction: None, custom_id_contains: Some(id.into()), times, outcome }
}

/// Rows without the header, split at commas: the echo has none.
fn rows(csv: &str) -> Vec<Vec<String>> {
    csv.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_hold_every_line_beside_its_request_over_parts_and_attempts() {
    let mut config = fast();
    config.outcomes = vec![failing("-0002", Some(1), 429), failing("-0004", None, 400)];
    let mut world = world(config).await;
    world.options.limits.max_lines = 3;
    world.put("inbox/a.jsonl", lines("a", 7)).await;
    let report = world.run().await;
    assert_eq!((report.output_lines, report.error_lines), (6, 1));
    let table = world.file("processed", "a_output.csv").await;
    let header = table.lines().next().unwrap();
    assert!(
        header.starts_with("custom_id,status,content,") && header.ends_with("/body/messages/0/content"),
        "{header}"
    );
    let found = rows(&table);
    assert_eq!(
        found.iter().map(|row| row[0].clone()).collect::<Vec<_>>(),
        ids(&world.file("processed", "a_output.jsonl").await),
    );
    for row in &found {
        assert_eq!((row[1].as_str(), row.last().unwrap()), ("200", &format!("question {}", row[0])));
    }
    let errors = rows(&world.file("error", "a_error.csv").await);
    assert_eq!(
        (errors[0][0].as_str(), errors[0][1].as_str(), errors[0][10].as_str()),
        ("a-0004", "400", "code")
    );
    let files = world.files("processed").await;
    let parquet = files.iter().find(|(path, _)| path.ends_with("a_output.parquet")).unwrap().1;
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let manifest = files.iter().find(|(path, _)| path.ends_with("manifest.json")).unwrap().1;
    let manifest = json(std::str::from_utf8(manifest).unwrap());
    let named = |ending: &str| {
        let artifacts = manifest["artifacts"].as_array().unwrap();
        artifacts.iter().any(|artifact| artifact["path"].as_str().unwrap().ends_with(ending))
    };
    for ending in ["a_output.csv", "a_output.parquet", "a_error.csv", "a_error.parquet"] {
        assert!(named(ending), "{ending}");
    }
    for view in world.jobs().await {
        let batch_orchestrator::model::JobState::Done { target, .. } = view.job.state else { panic!() };
        let audit = batch_orchestrator::audit::audit_directory(world.lake.as_ref(), &target.processed).await;
        assert!(audit.unwrap().is_clean());
    }
    world.assert_clean().await;
}

/// Requests that ask for a structure; the echo answers with their own text.
fn structured(texts: &[&str]) -> String {
    let schema = r#"{"type":"object","required":["x"],"properties":{"x":{"type":"integer"}}}"#;
    let line = |(number, text): (usize, &&str)| {
        let text = serde_json::to_string(text).unwrap();
        format!(
            r#"{{"custom_id":"s-{number}","method":"POST","url":"/chat/completions","body":{{"model":"m","messages":[{{"role":"user","content":{text}}}],"response_format":{{"type":"json_schema","json_schema":{{"name":"n","schema":{schema}}}}}}}}}"#
        ) + "\n"
    };
    texts.iter().enumerate().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_what_was_asked_for_are_counted_and_collected() {
    for merged in [false, true] {
        let mut world = World::new(fast()).await;
        world.options.output.check_schemas = true;
        let wait = std::time::Duration::from_millis(50);
        world.options.limits.merge = merged.then(|| MergeOptions { wait, ..MergeOptions::default() });
        world
            .put(
                "inbox/a.jsonl",
                structured(&["one", "two"]) + &lines("plain", 1).replace("gpt-4o-mini-batch", "m"),
            )
            .await;
        let report = world.run().await;
        assert_eq!((report.completed, report.output_lines), (1, 3), "{report:?}");
        // The echo says what it was asked, in words.
        assert_eq!(report.nonconforming_lines, 2, "{report:?}");
        assert!(report.has_errors());
        assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), ["s-0", "s-1", "plain-0000"]);
        let again = world.file("error", "a_nonconforming.jsonl").await;
        assert!(ids(&again) == ["s-0", "s-1"] && again.contains("response_format"), "{again}");
        let report = world.file("error", "a_violations.jsonl").await;
        assert!(
            json(report.lines().next().unwrap())["violations"][0]["message"]
                .as_str()
                .unwrap()
                .contains("JSON"),
            "{report}"
        );
        world.assert_clean().await;

        let view = world.jobs().await.into_iter().find(|view| !view.job.is_bundle()).unwrap();
        let resend = batch_orchestrator::manage::Resend::Nonconforming;
        let back =
            batch_orchestrator::manage::put_back(world.lake.as_ref(), world.ledger.as_ref(), &view, resend);
        assert!(back.await.unwrap().path.as_str().contains("a.again-"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_being_asked_nothing_is_checked_and_nothing_stands_beside() {
    let world = World::new(fast()).await;
    world.put("inbox/a.jsonl", structured(&["one"])).await;
    let report = world.run().await;
    assert_eq!((report.completed, report.nonconforming_lines), (1, 0));
    assert_eq!(world.files("processed").await.len(), 4, "{:?}", world.files("processed").await.keys());
    assert!(world.files("error").await.is_empty());
}

/// Any extension, and none: the files are found again by the audit.
#[tokio::test(flavor = "multi_thread")]
async fn results_of_inputs_with_other_names_are_audited_too() {
    let mut config = fast();
    config.outcomes = vec![failing("-0001", None, 400)];
    let mut world = world(config).await;
    world.options.lake.include = vec!["**".into()];
    for name in ["a.json", "b", "c.d.txt"] {
        world.put(&format!("inbox/{name}"), lines(&name.replace('.', "-"), 3)).await;
    }
    assert_eq!(world.run().await.partial, 3);
    for view in world.jobs().await {
        let batch_orchestrator::model::JobState::Done { target, .. } = view.job.state else { panic!() };
        let audit =
            batch_orchestrator::audit::audit_directory(world.lake.as_ref(), &target.processed).await.unwrap();
        assert!(audit.is_clean() && audit.output == 2 && audit.errors == 1, "{audit:#?}");
    }
}
