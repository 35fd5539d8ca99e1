//! Lists: order, pages, filters, lag.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{frozen, lines, start};

fn ids(list: &Value, key: &str) -> Vec<String> {
    list[key].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn batches_come_newest_first_in_pages() {
    let service = start(frozen()).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(service.submit(lines(1)).await);
    }
    made.reverse();
    let first = service.get(&service.v1("batches?limit=2")).await;
    assert_eq!(ids(&first, "data"), made[..2]);
    assert_eq!(
        (&first["first_id"], &first["last_id"], &first["has_more"]),
        (&json!(made[0]), &json!(made[1]), &json!(true))
    );
    let last = service.get(&service.v1(&format!("batches?limit=3&after={}", made[1]))).await;
    assert_eq!((ids(&last, "data"), &last["has_more"]), (made[2..].to_vec(), &json!(false)));
    let end = service.get(&service.v1(&format!("batches?after={}", made[4]))).await;
    assert_eq!((ids(&end, "data").len(), &end["last_id"]), (0, &Value::Null));
    for bad in ["limit=0", "limit=101", "limit=x", "after=batch_none"] {
        let status = service.http.get(service.v1(&format!("batches?{bad}"))).send().await.unwrap().status();
        assert_eq!(status, 400, "{bad}");
    }
}

#[tokio::test]
async fn files_are_filtered_and_paged_by_newer_versions_only() {
    let service = start(frozen()).await;
    let [a, b] = [service.upload(lines(1)).await, service.upload(lines(2)).await];
    let batch = service.create_raw(&a).await;
    assert_eq!(batch.status(), 200);
    service.advance(60);
    service.get(&service.v1("batches")).await;
    let inputs = service.get(&service.v1("files?purpose=batch&order=asc")).await;
    assert_eq!(ids(&inputs, "data"), [a.clone(), b.clone()]);
    let newest = service.get(&service.v1("files?purpose=batch&limit=1")).await;
    assert_eq!((ids(&newest, "data"), &newest["has_more"]), (vec![b.clone()], &json!(true)));
    let results = service.get(&service.v1("files?purpose=batch_output")).await;
    assert_eq!(ids(&results, "data").len(), 1);
    let old = format!("{}/openai/files?api-version=2024-10-21&limit=1", service.emulator.url());
    let all = service.get(&old).await;
    assert_eq!((ids(&all, "data").len(), all.get("has_more")), (3, None));
}

#[tokio::test]
async fn lists_may_lag_behind() {
    let mut config = frozen();
    config.batches.list_lag = Duration::from_secs(100);
    config.files.list_lag = Duration::from_secs(100);
    let service = start(config).await;
    let id = service.submit(lines(1)).await;
    assert_eq!(ids(&service.get(&service.v1("batches")).await, "data").len(), 0);
    assert_eq!(ids(&service.get(&service.v1("files")).await, "data").len(), 0);
    assert_eq!(service.batch(&id).await["id"], json!(id), "a single batch is not hidden");
    service.advance(100);
    assert_eq!(ids(&service.get(&service.v1("batches")).await, "data"), [id]);
    assert!(!ids(&service.get(&service.v1("files?purpose=batch")).await, "data").is_empty());
}

#[tokio::test]
async fn the_old_list_key_can_be_had() {
    let mut config = frozen();
    config.wire.value_lists = true;
    let service = start(config).await;
    let id = service.submit(lines(1)).await;
    let list = service.get(&service.v1("batches")).await;
    assert_eq!((ids(&list, "value"), list.get("data")), (vec![id], None));
}
