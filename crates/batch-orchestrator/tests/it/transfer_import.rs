//! The service imports the input, or a copy of what is to be sent.

use std::time::Duration;

use aoai_emulator::{FaultEffect, FaultMatch, FaultRule, Operation};

use crate::{
    lake_service::SECRET,
    support::{Mode, World, at, fast, ids, json, line_with, lines},
};

async fn world() -> World {
    World::in_mode(Mode::Import, fast()).await
}

/// From where the service imported.
fn imported_from(world: &World) -> Vec<String> {
    world.service.script.lock().unwrap().imported.iter().map(|(at, _)| at.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_file_is_imported_from_where_it_is() {
    let world = world().await;
    let names = ["a.jsonl", "x/a b.jsonl", "x/#1.jsonl", "x/50%.jsonl", "x/ü/+&?.jsonl"];
    for (n, name) in names.iter().enumerate() {
        world.put(&format!("inbox/{name}"), lines(&n.to_string(), 3)).await;
    }
    assert_eq!(world.run().await.completed, 5);
    let mut from = imported_from(&world);
    from.sort();
    let mut expected = names.map(|name| format!("input/inbox/{name}"));
    expected.sort();
    assert_eq!(from, expected);
    assert_eq!(world.emulator.control().snapshot().await.batches.len(), 5);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_imported_from_copies() {
    let mut world = world().await;
    world.options.limits.split = true;
    world.options.limits.max_lines = 7;
    let input = lines("a", 30);
    world.put("inbox/a.jsonl", input.clone()).await;
    assert_eq!(world.run().await.completed, 1);
    assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), ids(&input));
    let mut imported = world.service.script.lock().unwrap().imported.clone();
    imported.sort_by_key(|(at, _)| at.to_string());
    assert!(imported[0].0.path.as_str().ends_with("/staged/p0001-a1-g1.jsonl"), "{}", imported[0].0);
    assert_eq!(imported.iter().map(|(_, bytes)| &bytes[..]).collect::<Vec<_>>().concat(), input.as_bytes());
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_rewritten_in_the_copy_only() {
    let mut world = world().await;
    world.options.service.set_model = true;
    world.options.service.deployment = Some("real".into());
    let input = line_with("1", "some") + &line_with("2", "another") + line_with("3", "x").trim_end();
    world.put("inbox/a.jsonl", input.clone()).await;
    assert_eq!(world.run().await.completed, 1);
    let imported = world.service.script.lock().unwrap().imported[0].1.clone();
    let sent = line_with("1", "real") + &line_with("2", "real") + &line_with("3", "real");
    assert_eq!(std::str::from_utf8(&imported).unwrap(), sent);
    assert_eq!(world.file("processed", "/a.jsonl").await, input, "the archived input is as it was");
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_is_replaced_while_it_is_imported_is_left_to_its_new_version() {
    for before in [true, false] {
        let world = world().await;
        world.put("inbox/a.jsonl", lines("a", 3)).await;
        let new = Some((at("input", "inbox/a.jsonl"), lines("b", 3)));
        {
            let mut script = world.service.script.lock().unwrap();
            *(if before { &mut script.replace_before_import } else { &mut script.replace_after_import }) =
                new;
        }
        let report = world.run().await;
        assert_eq!((report.dropped, report.completed), (1, 0), "{report:?}");
        let control = world.emulator.control();
        assert!(control.snapshot().await.batches.is_empty(), "nothing was paid");
        assert_eq!(control.snapshot().await.files, []);
        assert_eq!(world.run().await.completed, 1);
        assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), ids(&lines("b", 3)));
        world.assert_clean().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_is_gone_when_it_is_imported_is_dropped() {
    let world = world().await;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let gone = FaultEffect::Status {
        code: 400,
        body: Some(format!("{{\"error\":{{\"code\":\"x\",\"message\":\"no mem://l/a?sig={SECRET}\"}}}}")),
        retry_after: None,
        headers: Default::default(),
    };
    let matching = FaultMatch { operation: Some(Operation::UploadFile), ..FaultMatch::default() };
    world.emulator.control().add_fault(FaultRule { matching, effect: gone, times: Some(1), skip: 0 });
    world.service.script.lock().unwrap().replace_after_import =
        Some((at("input", "inbox/a.jsonl"), lines("b", 3)));
    let (report, problems) = world.run_with_problems().await;
    assert_eq!((report.dropped, problems), (1, vec![]));
    assert_eq!(world.run().await.completed, 1);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_fails_is_tried_again_and_never_the_files_fault() {
    for copied in [false, true] {
        let mut world = world().await;
        world.options.service.set_model = copied;
        world.options.service.deployment = copied.then(|| "real".to_owned());
        world.service.script.lock().unwrap().failing_imports = 5;
        world.put("inbox/a.jsonl", lines("a", 3)).await;
        let (report, problems) = world.run_with_problems().await;
        assert_eq!(report.completed, 1, "{report:?}");
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(problems[0].contains("the import failed: cannot read") && problems[0].contains("SAS"));
        let manifest = json(&world.file("processed", "manifest.json").await);
        assert_eq!(manifest["parts"][0]["generation"], 6);
        world.assert_clean().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_keeps_failing_leaves_the_file_where_it_is() {
    let mut world = world().await;
    world.options.retry.give_up_after = Duration::from_millis(200);
    world.service.script.lock().unwrap().failing_imports = u32::MAX;
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let (report, _) = world.run_with_problems().await;
    assert!(report.gave_up && report.in_flight == 1, "{report:?}");
    assert_eq!(world.files("input").await.len(), 1);
    assert!(world.files("error").await.is_empty());
    world.assert_no_secret().await;
    world.service.script.lock().unwrap().failing_imports = 0;
    assert_eq!(world.run().await.completed, 1);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_refused_leaves_the_file_where_it_is() {
    let world = world().await;
    let quoting =
        format!("{{\"error\":{{\"code\":\"x\",\"message\":\"no: mem://lake/a?sv=1&sig={SECRET}\"}}}}");
    let effect = FaultEffect::Status {
        code: 400,
        body: Some(quoting),
        retry_after: None,
        headers: Default::default(),
    };
    let matching = FaultMatch { operation: Some(Operation::UploadFile), ..FaultMatch::default() };
    world.emulator.control().add_fault(FaultRule { matching, effect, times: None, skip: 0 });
    world.put("inbox/a.jsonl", lines("a", 3)).await;
    let (report, problems) = world.run_with_problems().await;
    assert!(report.gave_up && report.in_flight == 1, "{report:?}");
    assert!(problems.iter().all(|p| p.contains("no: mem://lake/a") && p.contains("SAS")), "{problems:?}");
    assert_eq!((world.files("input").await.len(), world.files("error").await.len()), (1, 0));
    world.emulator.control().clear_faults();
    assert_eq!(world.run().await.completed, 1);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_cut_is_noticed_by_its_size() {
    let world = world().await;
    world.service.script.lock().unwrap().cut_imports = 1;
    let input = lines("a", 4);
    world.put("inbox/a.jsonl", input.clone()).await;
    let (report, problems) = world.run_with_problems().await;
    assert_eq!(report.completed, 1, "{report:?}");
    assert!(problems[0].contains("bytes, expected"), "{problems:?}");
    assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), ids(&input));
    assert_eq!(world.emulator.control().snapshot().await.batches.len(), 1);
    world.assert_clean().await;
}
