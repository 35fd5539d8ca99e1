//! Faults and counts work on storage as on the rest.

use aoai_emulator::{FaultEffect, FaultMatch, FaultRule, Operation};

use crate::{lake_support::lake, support::Service};

fn inject(service: &Service, operation: Operation, effect: FaultEffect) {
    let matching = FaultMatch { operation: Some(operation), ..FaultMatch::default() };
    service.emulator.control().add_fault(FaultRule { matching, effect, times: Some(1), skip: 0 });
}

#[tokio::test]
async fn scripted_errors_look_like_those_of_storage() {
    let service = lake().await;
    let busy =
        || FaultEffect::Status { code: 503, body: None, retry_after: Some(3), headers: Default::default() };
    inject(&service, Operation::LakeCreatePath, busy());
    let refused = service.ask("PUT", "one/a", "resource=file", &[("x-ms-client-request-id", "mine")]).await;
    assert_eq!(refused.outcome(), (503, "ServerBusy"));
    assert_eq!(refused.json()["error"]["code"], "ServerBusy");
    assert_eq!((refused.header("retry-after"), refused.header("x-ms-client-request-id")), ("3", "mine"));
    assert_eq!(service.head("one/a").await.status, 404);
    inject(&service, Operation::LakeHead, busy());
    assert_eq!(service.head("one/a").await.outcome(), (503, "ServerBusy"));
}

#[tokio::test]
async fn a_reset_before_does_nothing_and_one_after_does_it() {
    let service = lake().await;
    service.write("one/a", "abc").await;
    let rename = async |to: &str| {
        let request =
            service.lake_request(reqwest::Method::PUT, to, "").header("x-ms-rename-source", "/one/a");
        request.send().await.is_ok()
    };
    inject(&service, Operation::LakeRename, FaultEffect::ResetBefore);
    assert!(!rename("one/b").await);
    assert_eq!(service.names("one", "recursive=true").await, ["a"]);
    inject(&service, Operation::LakeRename, FaultEffect::ResetAfter);
    assert!(!rename("one/b").await);
    assert_eq!(service.names("one", "recursive=true").await, ["b"]);
}

#[tokio::test]
async fn a_flush_that_is_cut_off_has_happened() {
    let service = lake().await;
    service.ask("PUT", "one/a", "resource=file", &[]).await;
    service.append("one/a", 0, "abc", "").await;
    inject(&service, Operation::LakeFlush, FaultEffect::ResetAfter);
    let request = service.lake_request(reqwest::Method::PATCH, "one/a", "action=flush&position=3");
    assert!(request.send().await.is_err());
    assert_eq!(service.read("one/a").await, "abc");
    assert_eq!(service.flush("one/a", 3).await.status, 200, "may be repeated");
}

#[tokio::test]
async fn a_download_can_be_cut_short_and_resumed() {
    let service = lake().await;
    let etag = service.write("one/a", "0123456789").await;
    inject(&service, Operation::LakeRead, FaultEffect::TruncateBody { bytes: 4 });
    let mut cut = service.lake_request(reqwest::Method::GET, "one/a", "").send().await.unwrap();
    assert_eq!(cut.content_length(), Some(10));
    let mut got = Vec::new();
    while let Ok(Some(chunk)) = cut.chunk().await {
        got.extend_from_slice(&chunk);
    }
    assert_eq!(got, b"0123");
    let rest = service.ask("GET", "one/a", "", &[("x-ms-range", "bytes=4-"), ("if-match", &etag)]).await;
    assert_eq!(rest.text, "456789");
}

#[tokio::test]
async fn requests_are_counted_by_operation() {
    let service = lake().await;
    service.write("one/a", "abc").await;
    service.head("one/a").await;
    service.head("one/none").await;
    service.rename("one/a", "one/b", &[]).await;
    service.ask("PUT", "three", "restype=container", &[]).await;
    service.ask("PUT", "one/b", "comp=lease", &[]).await;
    service.ask("PATCH", "one/b", "action=dance", &[]).await;
    let snapshot = service.emulator.control().snapshot().await;
    let count = |operation| snapshot.requests.get(&operation).copied().unwrap_or(0);
    for (operation, times) in [
        (Operation::LakeCreatePath, 1),
        (Operation::LakeAppend, 1),
        (Operation::LakeFlush, 1),
        (Operation::LakeHead, 2),
        (Operation::LakeRename, 1),
        (Operation::LakeCreateFilesystem, 1),
        (Operation::LakeLease, 1),
        (Operation::LakeOther, 1),
        (Operation::LakeRead, 0),
    ] {
        assert_eq!(count(operation), times, "{operation:?}");
    }
    assert_eq!(serde_json::to_value(Operation::LakeCreatePath).unwrap(), "lake_create_path");
}
