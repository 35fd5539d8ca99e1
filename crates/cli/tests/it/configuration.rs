//! Configuration: what is wrong is said with its place and with what to do.

use crate::support::{Place, lines};

/// A run that must be refused; nothing may be touched.
fn refused(place: &Place, args: &[&str], parts: &[&str]) {
    let ran = place.run(args);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    for part in parts {
        assert!(ran.err.contains(part), "no \"{part}\" in:\n{}", ran.err);
    }
    assert!(ran.err.contains("hint: "), "what to do is missing in:\n{}", ran.err);
    assert!(place.files("processed").is_empty() && place.files("error").is_empty());
}

#[test]
fn an_unknown_key_is_named_with_its_path() {
    let place = Place::new("emulator");
    place.append("aoai-batch.toml", "max_inflight = 3\n");
    refused(&place, &["run", "--once"], &["aoai-batch.toml", "max_inflight"]);
}

#[test]
fn a_missing_secret_names_the_variable() {
    let place = Place::new("https://name.openai.azure.com");
    place.write("inbox/a.jsonl", &lines("a", 1));
    let output = place.command(&["run", "--once"]).env_remove("TEST_KEY").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(
        err.contains("TEST_KEY") && err.contains("service.key_env") && err.contains("export TEST_KEY"),
        "{err}"
    );
}

#[test]
fn a_key_over_plain_http_is_refused_but_for_loopback() {
    let place = Place::new("http://name.openai.azure.com");
    place.write("inbox/a.jsonl", &lines("a", 1));
    let ran = place.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("plain http"), "{}", ran.err);
}

#[test]
fn no_configuration_at_all_points_to_init_and_demo() {
    let place = Place::new("emulator");
    std::fs::remove_file(place.path("aoai-batch.toml")).unwrap();
    refused(&place, &["run", "--once"], &["there is no configuration", "init", "demo"]);
}

#[test]
fn the_environment_wins_over_the_file() {
    let place = Place::new("emulator");
    let mut command = place.command(&["run", "--once"]);
    let output = command.env("AOAI_BATCH__RUN__MAX_IN_FLIGHT", "0").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("run.max_in_flight is 0"), "{err}");
    let mut command = place.command(&["run", "--once"]);
    let output = command.env("AOAI_BATCH__RUN__NONSENSE", "1").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("nonsense") && err.contains("environment variable"), "{err}");
}

#[test]
fn what_this_version_cannot_do_is_said_at_once() {
    for (key, value, part) in [
        ("AOAI_BATCH__SERVICE__TRANSFER", "import", "ADLS Gen2"),
        ("AOAI_BATCH__LEDGER__URL", "mysql://h/db", "neither sqlite"),
        ("AOAI_BATCH__LAKE__PROCESSED", "file:./inbox/done", "inside lake.input"),
        ("AOAI_BATCH__LAKE__PROCESSED", "abfss://p@a.dfs.core.windows.net/", "lake.input"),
    ] {
        let place = Place::new("emulator");
        let output = place.command(&["run", "--once"]).env(key, value).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(part) && err.contains("hint: "), "{err}");
    }
}

#[test]
fn the_accelerators_files_are_found_by_argument_and_by_variable() {
    let place = Place::new("emulator");
    assert_eq!(place.run(&["init", "--legacy", "trio"]).code, Some(0));
    refused(&place, &["--app-config", "trio/app_config.json", "run", "--once"], &["ACCOUNT", "base64"]);
    let output =
        place.command(&["run", "--once"]).env("APP_CONFIG", "trio/app_config.json").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("ACCOUNT") && !err.contains("your-key"), "{err}");
    // An explicit --config wins over the variable.
    let mut command = place.command(&["--config", "aoai-batch.toml", "run", "--once"]);
    assert_eq!(command.env("APP_CONFIG", "trio/app_config.json").output().unwrap().status.code(), Some(0));
}

#[test]
fn init_writes_once_and_what_it_writes_is_read() {
    let place = Place::new("emulator");
    std::fs::remove_file(place.path("aoai-batch.toml")).unwrap();
    let ran = place.run(&["init"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    refused(&place, &["init"], &["aoai-batch.toml is there already", "--force"]);
    assert_eq!(place.run(&["init", "--force"]).code, Some(0));
    let ran = place.run(&["status"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("nothing has run yet"), "{ran:?}");
}

#[test]
fn usage_errors_are_2_and_completions_need_nothing() {
    let place = Place::new("emulator");
    assert_eq!(place.run(&["run", "--once", "--watch"]).code, Some(2));
    assert_eq!(place.run(&["nonsense"]).code, Some(2));
    let ran = place.run(&["completions", "bash"]);
    assert!(ran.code == Some(0) && ran.out.contains("aoai-batch"));
}
