//! What nobody promises: a client has to cope with each way.

use aoai_emulator::{InUseDelete, MetadataFate};
use serde_json::{Value, json};

use crate::{
    lake_support::with_filesystems,
    support::{frozen, lines, start, value},
};

#[tokio::test]
async fn metadata_is_told_dropped_or_refused() {
    for (fate, status, told) in [
        (MetadataFate::Echo, 200, json!({"a": "b"})),
        (MetadataFate::Drop, 200, Value::Null),
        (MetadataFate::Refuse, 400, Value::Null),
    ] {
        let mut config = frozen();
        config.batches.metadata = fate;
        let service = start(config).await;
        let input = service.upload(lines(1)).await;
        let create = json!({"input_file_id": input, "endpoint": "/chat/completions", "completion_window": "24h",
            "metadata": {"a": "b"}});
        let answer = service.http.post(service.v1("batches")).json(&create).send().await.unwrap();
        assert_eq!(answer.status(), status, "{fate:?}");
        assert_eq!(value(answer).await["metadata"], told, "{fate:?}");
        assert_eq!(service.create_raw(&input).await.status(), 200, "{fate:?}: without any it is fine");
    }
}

#[tokio::test]
async fn names_and_inputs_may_be_left_out() {
    let mut config = frozen();
    config.wire.omit_filenames = true;
    config.wire.omit_input_file_ids = true;
    let service = start(config).await;
    let input = service.upload(lines(1)).await;
    assert_eq!(service.get(&service.v1(&format!("files/{input}"))).await["filename"], Value::Null);
    let batch = value(service.create_raw(&input).await).await;
    assert_eq!(batch["input_file_id"], Value::Null);
}

#[tokio::test]
async fn a_deleted_input_may_run_all_the_same() {
    let mut config = frozen();
    config.batches.run_deleted_inputs = true;
    let service = start(config).await;
    let input = service.upload(lines(2)).await;
    service.http.delete(service.v1(&format!("files/{input}"))).send().await.unwrap();
    assert_eq!(service.http.get(service.v1(&format!("files/{input}"))).send().await.unwrap().status(), 404);
    let batch = value(service.create_raw(&input).await).await;
    service.advance(60);
    let batch = service.batch(batch["id"].as_str().unwrap()).await;
    assert_eq!((&batch["status"], &batch["request_counts"]["completed"]), (&json!("completed"), &json!(2)));
}

#[tokio::test]
async fn a_running_batch_may_die_with_its_input() {
    let mut config = frozen();
    config.files.delete_in_use = InUseDelete::FailRunning;
    config.batches.in_progress = std::time::Duration::from_secs(100);
    let service = start(config).await;
    let input = service.upload(lines(2)).await;
    let batch = value(service.create_raw(&input).await).await["id"].as_str().unwrap().to_owned();
    service.advance(10);
    assert_eq!(service.batch(&batch).await["status"], "in_progress");
    service.http.delete(service.v1(&format!("files/{input}"))).send().await.unwrap();
    assert_eq!(service.batch(&batch).await["status"], "failed");
}

#[tokio::test]
async fn a_lake_may_ignore_conditions_and_change_tags() {
    let mut config = with_filesystems(&["one"]);
    config.lake.ignore_conditions = true;
    config.lake.rename_changes_etag = true;
    let service = start(config).await;
    let tag = service.write("one/a", "abc").await;
    service.write("one/b", "def").await;
    let moved = service.rename("one/a", "one/b", &[("if-none-match", "*")]).await;
    assert_eq!((moved.status, service.read("one/b").await.as_str()), (201, "abc"));
    assert_ne!(service.head("one/b").await.etag(), tag);
    assert_eq!(service.ask("DELETE", "one/b", "", &[("if-match", "\"0x1\"")]).await.status, 200);
}
