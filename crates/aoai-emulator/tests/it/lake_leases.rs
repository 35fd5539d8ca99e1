//! Leases.

use crate::{
    lake_support::{Answer, lake},
    support::Service,
};

const MINE: &str = "11111111-2222-3333-4444-555555555555";
const OTHER: &str = "99999999-2222-3333-4444-555555555555";

async fn lease(service: &Service, action: &str, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("x-ms-lease-action", action)];
    all.extend(headers);
    service.ask("PUT", "one/a", "comp=lease", &all).await
}

async fn acquire(service: &Service, seconds: &str, id: &str) -> Answer {
    lease(service, "acquire", &[("x-ms-lease-duration", seconds), ("x-ms-proposed-lease-id", id)]).await
}

#[tokio::test]
async fn a_leased_file_is_written_by_its_holder_only() {
    let service = lake().await;
    service.write("one/a", "abc").await;
    let acquired = acquire(&service, "-1", MINE).await;
    assert_eq!((acquired.status, acquired.header("x-ms-lease-id")), (201, MINE));
    let head = service.head("one/a").await;
    let told = ["x-ms-lease-state", "x-ms-lease-status", "x-ms-lease-duration"].map(|name| head.header(name));
    assert_eq!(told, ["leased", "locked", "infinite"]);
    let writes = [
        ("PUT", "resource=file"),
        ("PATCH", "action=append&position=3"),
        ("PATCH", "action=flush&position=3"),
        ("PATCH", "action=setProperties"),
        ("DELETE", ""),
    ];
    for (method, query) in writes {
        let missing = service.ask(method, "one/a", query, &[]).await;
        assert_eq!(missing.outcome(), (412, "LeaseIdMissing"), "{method} {query}");
        let wrong = service.ask(method, "one/a", query, &[("x-ms-lease-id", OTHER)]).await;
        assert_eq!(wrong.outcome(), (412, "LeaseIdMismatchWithBlobOperation"), "{method} {query}");
    }
    assert_eq!(service.rename("one/a", "one/b", &[]).await.outcome(), (412, "LeaseIdMissing"));
    service.write("one/b", "x").await;
    assert_eq!(service.rename("one/b", "one/a", &[]).await.outcome(), (412, "LeaseIdMissing"));
    assert_eq!(service.read("one/a").await, "abc");
    let mine = [("x-ms-lease-id", MINE)];
    assert_eq!(service.ask("PATCH", "one/a", "action=flush&position=3", &mine).await.status, 200);
    assert_eq!(service.ask("PUT", "one/a", "resource=file", &mine).await.status, 201);
    let refused = service.ask("DELETE", "one/a", "", &[]).await;
    assert_eq!(refused.outcome(), (412, "LeaseIdMissing"), "an overwrite keeps the lease");
    assert_eq!(service.rename("one/a", "one/c", &[("x-ms-source-lease-id", MINE)]).await.status, 201);
}

#[tokio::test]
async fn leases_are_exclusive_expire_and_renew() {
    let service = lake().await;
    service.write("one/a", "abc").await;
    assert_eq!(acquire(&service, "15", MINE).await.status, 201);
    assert_eq!(acquire(&service, "15", OTHER).await.outcome(), (409, "LeaseAlreadyPresent"));
    service.advance(10);
    let renewed = lease(&service, "renew", &[("x-ms-lease-id", MINE)]).await;
    assert_eq!((renewed.status, renewed.header("x-ms-lease-id")), (200, MINE));
    let wrong = lease(&service, "renew", &[("x-ms-lease-id", OTHER)]).await;
    assert_eq!(wrong.outcome(), (409, "LeaseIdMismatchWithLeaseOperation"));
    service.advance(10);
    assert_eq!(service.head("one/a").await.header("x-ms-lease-state"), "leased");
    service.advance(5);
    assert_eq!(service.head("one/a").await.header("x-ms-lease-state"), "expired");
    let lost = service.ask("DELETE", "one/a", "", &[("x-ms-lease-id", MINE)]).await;
    assert_eq!(lost.outcome(), (412, "LeaseLost"));
    assert_eq!(acquire(&service, "60", OTHER).await.status, 201);
    assert_eq!(service.head("one/a").await.header("x-ms-lease-duration"), "fixed");
}

#[tokio::test]
async fn leases_change_and_are_released() {
    let service = lake().await;
    service.write("one/a", "abc").await;
    acquire(&service, "-1", MINE).await;
    let ids = [("x-ms-lease-id", MINE), ("x-ms-proposed-lease-id", OTHER)];
    let changed = lease(&service, "change", &ids).await;
    assert_eq!((changed.status, changed.header("x-ms-lease-id")), (200, OTHER));
    assert_eq!(lease(&service, "change", &ids).await.status, 200);
    assert_eq!(lease(&service, "release", &[("x-ms-lease-id", MINE)]).await.status, 409);
    assert_eq!(lease(&service, "release", &[("x-ms-lease-id", OTHER)]).await.status, 200);
    let none = service.ask("DELETE", "one/a", "", &[("x-ms-lease-id", OTHER)]).await;
    assert_eq!(none.outcome(), (412, "LeaseNotPresentWithBlobOperation"));
    assert_eq!(service.ask("DELETE", "one/a", "", &[]).await.status, 200);
}

#[tokio::test]
async fn a_lease_can_be_broken() {
    let service = lake().await;
    service.write("one/a", "abc").await;
    assert_eq!(lease(&service, "break", &[]).await.outcome(), (409, "LeaseNotPresentWithLeaseOperation"));
    acquire(&service, "-1", MINE).await;
    let broken = lease(&service, "break", &[("x-ms-lease-break-period", "30")]).await;
    assert_eq!((broken.status, broken.header("x-ms-lease-time")), (202, "30"));
    assert_eq!(service.head("one/a").await.header("x-ms-lease-state"), "breaking");
    assert_eq!(acquire(&service, "15", OTHER).await.outcome(), (409, "LeaseIsBreakingAndCannotBeAcquired"));
    assert_eq!(service.ask("DELETE", "one/a", "", &[]).await.outcome(), (412, "LeaseIdMissing"));
    service.advance(30);
    let renew = lease(&service, "renew", &[("x-ms-lease-id", MINE)]).await;
    assert_eq!(renew.outcome(), (409, "LeaseIsBrokenAndCannotBeRenewed"));
    assert_eq!(service.head("one/a").await.header("x-ms-lease-status"), "unlocked");
    assert_eq!(service.ask("DELETE", "one/a", "", &[]).await.status, 200);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let service = lake().await;
    assert_eq!(acquire(&service, "15", MINE).await.outcome(), (404, "BlobNotFound"));
    service.write("one/a", "abc").await;
    for seconds in ["0", "14", "61", "x"] {
        assert_eq!(
            acquire(&service, seconds, MINE).await.outcome(),
            (400, "InvalidHeaderValue"),
            "{seconds}"
        );
    }
    assert_eq!(acquire(&service, "15", "no-guid").await.status, 400);
    assert_eq!(lease(&service, "borrow", &[]).await.status, 400);
}

#[tokio::test]
async fn a_leased_file_holds_its_directory() {
    let service = lake().await;
    service.write("one/dir/a", "abc").await;
    let headers = [("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-1")];
    let acquired = service.ask("POST", "one/dir/a", "", &headers).await;
    assert_eq!(acquired.status, 201);
    assert!(uuid::Uuid::parse_str(acquired.header("x-ms-lease-id")).is_ok());
    assert_eq!(
        service.ask("DELETE", "one/dir", "recursive=true", &[]).await.outcome(),
        (412, "LeaseIdMissing")
    );
    assert_eq!(service.rename("one/dir", "one/new", &[]).await.outcome(), (412, "LeaseIdMissing"));
}
