//! Lists: order, pages, filters, lag.

use std::time::Duration;

use aoai_emulator::{ListFilter, ListOrder};
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

#[tokio::test]
async fn filters_and_orders_are_applied_by_dated_versions_alone() {
    for (mode, filtered, ordered) in [(ListFilter::Ignore, 3, false), (ListFilter::Apply, 1, true)] {
        let mut config = frozen();
        config.batches.list_filter = mode;
        let service = start(config).await;
        let mut made = Vec::new();
        for _ in 0..3 {
            made.push(service.submit(lines(1)).await);
            service.advance(10);
        }
        let list = |form: &str, query: &str| format!("{}/openai/{form}{query}", service.emulator.url());
        let created = service.batch(&made[1]).await["created_at"].as_i64().unwrap();
        let filter = format!("%24filter=created_at%20gt%20{created}");
        let dated = "batches?api-version=2025-04-01-preview&";
        let newer = ids(&service.get(&list(dated, &filter)).await, "data");
        assert_eq!((newer.len(), &newer[0]), (filtered, &made[2]));
        let first = service.get(&list(dated, "%24orderby=created_at%20asc&limit=1")).await;
        assert_eq!(ids(&first, "data"), [made[if ordered { 0 } else { 2 }].clone()]);
        assert_eq!(ids(&service.get(&list("v1/batches?", &filter)).await, "data").len(), 3);
    }
    let mut config = frozen();
    config.batches.list_filter = ListFilter::Refuse;
    let service = start(config).await;
    let url = service.emulator.url();
    let url = format!("{url}/openai/batches?api-version=2025-04-01-preview&%24orderby=created_at%20asc");
    assert_eq!(service.http.get(url).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn lists_may_be_the_other_way_round_and_without_pages() {
    let mut config = frozen();
    config.batches.list_order = ListOrder::OldestFirst;
    config.batches.ignore_limit = true;
    let service = start(config).await;
    let made = [service.submit(lines(1)).await, service.submit(lines(1)).await];
    let list = service.get(&service.v1("batches?limit=1")).await;
    assert_eq!((ids(&list, "data"), &list["has_more"]), (made.to_vec(), &json!(false)));
}
