//! Runs: results, exit codes, output.

use crate::support::{Place, ids, lines};

#[test]
fn a_run_with_json_prints_json_and_nothing_else() {
    let place = Place::new("emulator");
    place.write("inbox/a.jsonl", &lines("a", 3));
    let ran = place.run(&["run", "--once", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let events = ran.json();
    assert!(events.iter().any(|event| event["event"] == "part" && event["state"] == "submitted"));
    let report = events.last().unwrap();
    assert_eq!((&report["completed"], &report["output_lines"]), (&1.into(), &3.into()), "{report}");

    let status = place.run(&["status", "--json"]).json().remove(0);
    let job = &status["jobs"][0];
    assert_eq!((&job["state"]["state"], &job["path"]), (&"done".into(), &"input/a.jsonl".into()), "{job}");
    let key = job["job"].as_str().unwrap();
    let details = place.run(&["status", &key[..6]]);
    assert!(details.out.contains("results are in") && details.out.contains(key), "{details:?}");
    assert_eq!(place.run(&["status", "abcdef"]).code, Some(2));
}

#[test]
fn a_bad_file_is_3_and_the_others_go_on() {
    let place = Place::new("emulator");
    place.write("inbox/bad.jsonl", "{\"custom_id\": 1}\n");
    place.write("inbox/good.jsonl", &lines("good", 2));
    std::fs::create_dir(place.path("inbox/dir.jsonl")).unwrap();
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("dir.jsonl") && ran.err.contains("it is a directory"), "{}", ran.err);
    assert!(ran.err.contains("bad.jsonl: refused -> error/bad_"), "{}", ran.err);
    assert!(place.text("error", "bad_error.jsonl").contains("\"line\":1"));
    assert_eq!(ids(&place.text("processed", "good_output.jsonl")), ["good-0", "good-1"]);
    let ran = place.run(&["validate", "error"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.out.contains("bad.jsonl:1: invalid_request: custom_id is 1"), "{}", ran.out);
}

#[test]
fn findings_are_written_for_a_code_host() {
    let place = Place::new("emulator");
    std::fs::create_dir(place.path("bad files")).unwrap();
    place.write("bad files/a b.jsonl", "{\"custom_id\": 1}\nnot json\n");
    place.write("bad files/good.jsonl", &lines("good", 2));
    let ran = place.run(&["validate", "bad files", "--sarif", "found.sarif"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let log: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(place.path("found.sarif")).unwrap()).unwrap();
    let run = &log["runs"][0];
    assert_eq!((&log["version"], &run["tool"]["driver"]["name"]), (&"2.1.0".into(), &"aoai-batch".into()));
    let results = run["results"].as_array().unwrap();
    let found = |code: &str| results.iter().find(|result| result["ruleId"] == code).unwrap();
    let place_of = |code: &str| &found(code)["locations"][0]["physicalLocation"];
    assert_eq!(place_of("invalid_json_line")["region"]["startLine"], 2);
    assert_eq!(place_of("invalid_json_line")["region"]["byteOffset"], 17);
    assert_eq!(place_of("invalid_request")["artifactLocation"]["uri"], "bad%20files/a%20b.jsonl");
    assert!(results.iter().all(|result| result["message"]["text"].as_str().unwrap().contains(". ")));
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == "invalid_json_line"), "{rules:?}");
    let ran = place.run(&["validate", "bad files/good.jsonl", "--sarif", "none/found.sarif"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("none/found.sarif cannot be written"), "{}", ran.err);
    assert_eq!(place.run(&["validate", "bad files/good.jsonl", "--sarif", "found.sarif"]).code, Some(0));
    assert!(std::fs::read_to_string(place.path("found.sarif")).unwrap().contains("\"results\": []"));
}

#[test]
fn lines_that_fail_are_3() {
    let place = Place::new("emulator");
    place.append(
        "aoai-batch.toml",
        "[[emulator.outcomes]]\ncustom_id_contains = \"a-1\"\n\
         outcome = { error = { status = 400, code = \"content_filter\" } }\n",
    );
    place.write("inbox/a.jsonl", &lines("a", 3));
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(ids(&place.text("processed", "a_output.jsonl")), ["a-0", "a-2"]);
    assert!(place.text("error", "a_error.jsonl").contains("content_filter"));
    assert_eq!(place.text("error", "a_failed.jsonl"), lines("a", 2)[lines("a", 1).len()..]);
}

#[test]
fn an_endpoint_that_refuses_is_5_and_nothing_is_touched() {
    let place = Place::new("http://127.0.0.1:9");
    place.write("inbox/a.jsonl", &lines("a", 2));
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.err.contains("service.endpoint") && ran.err.contains("nothing was sent"), "{}", ran.err);
    assert_eq!(place.files("inbox"), ["a.jsonl"]);
    let ran = place.run(&["run", "--once", "--json"]);
    assert_eq!(ran.json()[0]["error"]["exit_code"], 5, "{ran:?}");
}

#[test]
fn an_input_directory_that_is_not_there_is_5_and_is_not_made_up() {
    let place = Place::new("emulator");
    std::fs::remove_dir(place.path("inbox")).unwrap();
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.err.contains("inbox") && ran.err.contains("create it"), "{}", ran.err);
    assert!(!place.path("inbox").exists());
}

#[test]
fn a_ledger_that_cannot_be_used_is_2_and_nothing_is_touched() {
    let place = Place::new("emulator");
    place.write("inbox/a.jsonl", &lines("a", 2));
    std::fs::create_dir(place.path(".aoai-batch")).unwrap();
    place.write(".aoai-batch/ledger.db", &"this is no database".repeat(200));
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("damaged, or not a ledger") && ran.err.contains("hint"), "{}", ran.err);
    assert_eq!(place.files("inbox"), ["a.jsonl"]);
}

#[test]
fn the_demo_runs_and_may_be_repeated() {
    let place = Place::new("emulator");
    for _ in 0..2 {
        let ran = place.run(&["demo", "demo"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.out.contains("30 lines succeeded, 0 failed"), "{}", ran.out);
    }
    assert_eq!(place.files("demo/processed").iter().filter(|f| f.ends_with("manifest.json")).count(), 4);
    place.write("inbox/x", "");
    let ran = place.run(&["demo", "inbox"]);
    assert_eq!(ran.code, Some(2), "somebody's directory is not overwritten: {ran:?}");
}

#[test]
fn tokens_are_counted_and_the_way_is_told() {
    let place = Place::new("emulator");
    place.write("inbox/a.jsonl", &lines("a", 2));
    let ran = place.run(&["estimate", "inbox"]);
    assert!(ran.code == Some(0) && ran.out.contains("estimate"), "{ran:?}");
    assert!(ran.err.contains("[tokens.deployments]"), "{}", ran.err);
    place.append("aoai-batch.toml", "[tokens.deployments]\nm = \"gpt-4o\"\n");
    let counted = place.run(&["estimate", "inbox", "--json"]).json().remove(0);
    assert_eq!((&counted["provenance"], &counted["lines"]), (&"exact".into(), &2.into()), "{counted}");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_stays_where_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new("emulator");
    place.write("inbox/secret.jsonl", &lines("secret", 2));
    place.write("inbox/open.jsonl", &lines("open", 2));
    std::fs::set_permissions(place.path("inbox/secret.jsonl"), std::fs::Permissions::from_mode(0o000))
        .unwrap();
    if std::fs::read(place.path("inbox/secret.jsonl")).is_ok() {
        // Root reads everything; the pipeline's own tests deny it in another way.
        return;
    }
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("secret.jsonl") && ran.err.contains("hint"), "{}", ran.err);
    assert_eq!(place.files("inbox"), ["secret.jsonl"]);
}
