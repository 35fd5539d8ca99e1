//! From a file in the lake to its results.

use crate::support::{World, at, fast, ids, json, line_with, lines};
use adls_io::DataLakeExt;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_back_complete_in_order_and_accounted_for() {
    let world = World::new(fast()).await;
    let input = lines("a", 50);
    world.put("inbox/sub/my.data.jsonl", input.clone()).await;
    let report = world.run().await;

    assert_eq!((report.completed, report.output_lines, report.error_lines), (1, 50, 0));
    assert!(!report.has_errors());
    let output = world.file("processed", "my.data_output.jsonl").await;
    assert_eq!(ids(&output), ids(&input), "output in input order");
    assert!(output.lines().all(|line| json(line)["response"]["status_code"] == 200));
    assert_eq!(world.file("processed", "/my.data.jsonl").await, input, "the raw input is beside its results");
    assert!(world.files("input").await.is_empty());
    assert!(world.files("error").await.is_empty(), "a directory with nothing to hold is not created");

    let paths: Vec<_> = world.files("processed").await.into_keys().collect();
    assert!(paths.iter().all(|path| path.starts_with("sub/my.data_20")), "{paths:?}");
    let metadata = world.file("processed", "my.data_metadata.jsonl").await;
    assert_eq!(metadata.lines().count(), 1);
    let metadata = json(&metadata);
    for key in ["input_file_id", "batch_job_id", "output_file_id", "file_id"] {
        assert!(metadata[key].is_string(), "{key} in {metadata}");
    }
    assert_eq!(metadata["file_name"], "my.data.jsonl");
    assert_eq!(metadata["output_file_name"], "my.data_output.jsonl");

    let manifest = json(&world.file("processed", "manifest.json").await);
    assert_eq!(manifest["counts"], serde_json::json!({ "lines": 50, "output": 50, "error": 0 }));
    assert_eq!(manifest["outcome"], "completed");
    assert_eq!(manifest["input"]["raw"]["state"], "archived");
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_a_tree_with_odd_names_comes_back() {
    let world = World::new(fast()).await;
    let names = [
        "a b.jsonl",
        "x/#1.jsonl",
        "x/50%.jsonl",
        "x/ü/ö.a.b.jsonl",
        "x/ü/+&?.jsonl",
        "q\\r.jsonl",
        "..x.jsonl",
    ];
    for (n, name) in names.iter().enumerate() {
        world.put(&format!("inbox/{name}"), lines(&format!("f{n}"), 3)).await;
    }
    // The same name in two directories: each must get its own results.
    world.put("inbox/x/a b.jsonl", lines("other", 3)).await;
    let report = world.run().await;
    assert_eq!(report.completed, 8, "{report:?}");
    let files = world.files("processed").await;
    let outputs: Vec<_> = files.iter().filter(|(path, _)| path.ends_with("_output.jsonl")).collect();
    assert_eq!(outputs.len(), 8);
    let other = outputs.iter().find(|(path, _)| path.starts_with("x/a b_")).unwrap().1;
    assert_eq!(ids(std::str::from_utf8(other).unwrap()), ["other-0000", "other-0001", "other-0002"]);
    assert!(world.files("input").await.is_empty());
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_slides_and_polling_is_by_lists() {
    let mut world = World::new(fast()).await;
    world.options.run.max_in_flight = 3;
    for n in 0..12 {
        world.put(&format!("inbox/{n}.jsonl"), lines(&n.to_string(), 2)).await;
    }
    let report = world.run().await;
    assert_eq!(report.completed, 12);
    let control = world.emulator.control();
    assert_eq!(control.requests(aoai_emulator::Operation::CreateBatch), 12);
    assert_eq!(control.requests(aoai_emulator::Operation::GetBatch), 0, "no polling per file");
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_sent_in_parts_and_comes_back_in_one_piece() {
    let mut world = World::new(fast()).await;
    world.options.limits.split = true;
    world.options.limits.max_lines = 7;
    let input = lines("a", 30);
    world.put("inbox/a.jsonl", input.clone()).await;
    assert_eq!(world.run().await.completed, 1);
    assert_eq!(ids(&world.file("processed", "a_output.jsonl").await), ids(&input));
    let manifest = json(&world.file("processed", "manifest.json").await);
    assert_eq!(manifest["parts"].as_array().unwrap().len(), 5);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_rewritten_on_the_way_and_only_there() {
    let mut world = World::new(fast()).await;
    world.options.service.set_model = true;
    world.options.service.deployment = Some("real-deployment".into());
    let input =
        line_with("1", "some-model") + &line_with("2", "another model") + line_with("3", "x").trim_end();
    world.put("inbox/a.jsonl", input.clone()).await;
    assert_eq!(world.run().await.completed, 1);
    let output = world.file("processed", "a_output.jsonl").await;
    assert_eq!(ids(&output), ["1", "2", "3"]);
    assert_eq!(world.file("processed", "/a.jsonl").await, input, "the archived input is as it was");
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_put_back_is_processed_again() {
    let world = World::new(fast()).await;
    world.put("inbox/a.jsonl", lines("a", 2)).await;
    assert_eq!(world.run().await.completed, 1);
    let archived =
        world.files("processed").await.into_keys().find(|path| path.ends_with("/a.jsonl")).unwrap();
    let options = adls_io::RenameOptions { source_if_match: None, destination: adls_io::Condition::IfAbsent };
    world.lake.rename(&at("processed", &archived), &at("input", "inbox/a.jsonl"), options).await.unwrap();
    // Put back in the very millisecond in which it was finished, it could not be told from what was listed before.
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    // Two runs within one second get different directories.
    assert_eq!(world.run().await.completed, 1);
    assert!(!world.lake.exists(&at("input", "inbox/a.jsonl")).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_takes_what_comes_until_it_is_stopped() {
    let mut world = World::new(fast()).await;
    world.options.run.watch = true;
    world.put("inbox/readme.txt", "the directory is there before the first file").await;
    let pipeline = world.pipeline();
    let (ask, stop) = batch_orchestrator::Stop::new();
    let come_and_go = async {
        for n in 0..3 {
            world.put(&format!("inbox/{n}.jsonl"), lines(&n.to_string(), 2)).await;
            while world.files("input").await.len() > 1 {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
        // A broken file among them stops nobody.
        world.put("inbox/bad.jsonl", "x").await;
        while world.files("input").await.len() > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        ask.send(true).unwrap();
    };
    let run = pipeline.run(std::sync::Arc::new(()), stop);
    let both = async { tokio::join!(run, come_and_go) };
    let both = tokio::time::timeout(std::time::Duration::from_secs(30), both).await;
    let Ok((report, ())) = both else { panic!("it hangs: {:#?}", world.jobs().await) };
    let report = report.unwrap();
    assert!(report.interrupted, "{report:?}");
    // It may have been stopped while the last file was cleaned up.
    world.options.run.watch = false;
    world.run().await;
    assert_eq!(world.jobs().await.iter().filter(|view| view.job.state.name() == "done").count(), 4);
    world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_do_touches_nothing() {
    let world = World::new(fast()).await;
    world.put("inbox/readme.txt", "not a batch file").await;
    assert_eq!(world.run().await, batch_orchestrator::RunReport::default());
    assert_eq!(world.files("input").await.len(), 1);
    assert!(world.emulator.control().snapshot().await.requests.is_empty(), "the service was not even asked");
}
