//! The Python accelerator's three files drive all of it.

use serde_json::{Value, json};

use super::support::{ACCOUNT, KEY, Lake};

/// The three files as an accelerator's user has them, with these additions.
fn trio(lake: &Lake, aoai: &Value, storage: &Value) {
    let mut files = [
        (
            "app_config.json",
            json!({
                "AOAI_config": "AOAI_config.json", "storage_config": "storage_config.json",
                "local_download_path": "C:\\temp", "batch_size": 10, "download_to_local": false,
                "continuous_mode": false, "count_tokens": true,
                "settle_time": "0s", "poll_interval": "100ms", "list_settle": "300ms",
            }),
        ),
        (
            "AOAI_config.json",
            json!({
                "aoai_key": "s3cret-key", "aoai_api_version": "2024-07-01-preview",
                "aoai_endpoint": format!("{}/", lake.url()), "aoai_deployment_name": "m",
                "batch_job_endpoint": "/chat/completions", "completion_window": "24h",
            }),
        ),
        (
            "storage_config.json",
            json!({
                "storage_account_name": ACCOUNT, "storage_account_key": KEY,
                "input_filesystem_system_name": "input", "processed_filesystem_system_name": "done",
                "error_filesystem_system_name": "error",
                "input_directory": "inbox", "output_directory": "/", "error_directory": "/",
                "storage_endpoint": format!("{}/{ACCOUNT}", lake.url()),
            }),
        ),
    ];
    for (at, more) in [(1, aoai), (2, storage)] {
        let (Some(target), Some(more)) = (files[at].1.as_object_mut(), more.as_object()) else { continue };
        target.extend(more.clone());
    }
    for (name, value) in files {
        lake.place.write(name, &value.to_string());
    }
    std::fs::remove_file(lake.place.path("aoai-batch.toml")).unwrap();
}

fn run(lake: &Lake) -> crate::support::Ran {
    lake.run_with(&["run"], &[("APP_CONFIG", "app_config.json")])
}

#[test]
fn the_three_files_import_by_default_and_leave_the_same_layout() {
    let lake = Lake::new();
    trio(&lake, &json!({}), &json!({}));
    lake.fill();
    let ran = run(&lake);
    lake.assert_complete(&ran);
    assert_eq!(lake.control().requests(aoai_emulator::Operation::ImportFile), 2);
    let metadata: Value = serde_json::from_str(&lake.text("done", "/plain_metadata.jsonl")).unwrap();
    for key in ["file_name", "batch_job_id", "output_file_id", "token_size", "file_id", "output_file_name"] {
        assert!(!metadata[key].is_null(), "{key} in {metadata}");
    }
}

#[test]
fn transfer_and_auth_are_two_keys_away() {
    let blob = json!({ "transfer": "blob", "aoai_api_version": "2025-04-01-preview" });
    for more in [json!({ "transfer": "upload" }), blob] {
        let lake = Lake::new();
        trio(&lake, &more, &json!({}));
        lake.fill();
        let ran = run(&lake);
        lake.assert_complete(&ran);
    }
}

#[test]
fn a_sas_instead_of_the_key() {
    let lake = Lake::new();
    trio(&lake, &json!({}), &json!({ "storage_auth": "sas", "storage_account_key": "" }));
    lake.fill();
    let sas = super::support::sas("racwdlm", "2099-01-01T00:00:00Z");
    let ran = lake.run_with(&["run"], &[("APP_CONFIG", "app_config.json"), ("AZURE_STORAGE_SAS", &sas)]);
    lake.assert_complete(&ran);
}

#[test]
fn blob_needs_a_version_that_has_it() {
    let lake = Lake::new();
    trio(&lake, &json!({ "transfer": "blob" }), &json!({}));
    let ran = run(&lake);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("2024-07-01-preview") && ran.err.contains("2025-04-01-preview"), "{}", ran.err);
}
