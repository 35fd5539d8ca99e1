//! One fault at every single request of a tour through all operations: the outcome is the same as without it.

use std::collections::BTreeMap;

use adls_io::{Condition, DataLake, DataLakeExt, Deleted, EntryKind, ListMode, RenameOptions};
use aoai_emulator::{FaultEffect, FaultMatch};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};

use crate::support::{Place, at};

/// Every operation, with every condition, in one go.
async fn tour(lake: &dyn DataLake) -> adls_io::Result<()> {
    lake.ensure_filesystem("one").await?;
    lake.ensure_filesystem("two").await?;
    let large = Bytes::from((0..200_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
    let written = lake.write_all(&at("one", "in/large"), large.clone(), Condition::IfAbsent).await?;
    lake.write_all(&at("one", "in/empty"), Bytes::new(), Condition::Always).await?;
    let first = lake.write_all(&at("one", "in/twice"), "first".into(), Condition::IfAbsent).await?;
    lake.write_all(&at("one", "in/twice"), "second".into(), Condition::IfMatch(first.etag)).await?;
    let read = lake.read_all(&at("one", "in/large"), 1 << 20).await?;
    assert!(read == large, "a read gives what was written");
    let listed: Vec<_> = lake.list(&at("one", "in"), ListMode::Recursive).try_collect().await?;
    assert_eq!(listed.len(), 3, "{listed:?}");
    let options =
        RenameOptions { source_if_match: Some(written.etag.clone()), destination: Condition::IfAbsent };
    let moved = lake.rename(&at("one", "in/large"), &at("two", "new/dir/large"), options).await?;
    assert_eq!(moved, written.etag);
    let unconditional = RenameOptions { source_if_match: None, destination: Condition::Always };
    lake.rename(&at("one", "in/twice"), &at("one", "out/twice"), unconditional).await?;
    lake.write_all(&at("one", "gone/a"), "a".into(), Condition::Always).await?;
    lake.write_all(&at("one", "gone/b"), "b".into(), Condition::Always).await?;
    assert_eq!(lake.delete(&at("one", "gone/a"), None).await?, Deleted::Deleted);
    assert_eq!(lake.delete_directory(&at("one", "gone")).await?, Deleted::Deleted);
    assert_eq!(lake.find(&at("one", "gone")).await?, None);
    Ok(())
}

/// Every path with its kind and bytes, temporary ones included: what the emulator has, not what we show.
async fn tree(place: &Place) -> BTreeMap<String, (EntryKind, Bytes)> {
    let mut tree = BTreeMap::new();
    for filesystem in ["one", "two"] {
        let mut entries = place.lake.list(&at(filesystem, ""), ListMode::Recursive);
        while let Some(entry) = entries.next().await {
            let entry = entry.expect("a listing");
            let bytes = match entry.kind {
                EntryKind::File => place.lake.read_all(&entry.location, 1 << 20).await.expect("a read"),
                EntryKind::Directory => Bytes::new(),
            };
            tree.insert(entry.location.to_string(), (entry.kind, bytes));
        }
    }
    tree
}

async fn requests_of_a_tour(lake: impl Fn(&Place) -> Box<dyn DataLake>) -> u64 {
    let place = Place::new().await;
    tour(lake(&place).as_ref()).await.expect("a tour without faults");
    let requests = place.control().snapshot().await.requests;
    requests.values().sum()
}

/// Runs the tour once for each of its requests, with the effect on that one.
pub(crate) async fn everywhere(effect: FaultEffect, lake: impl Fn(&Place) -> Box<dyn DataLake>) {
    let golden = Place::new().await;
    tour(lake(&golden).as_ref()).await.expect("a tour without faults");
    let golden_tree = tree(&golden).await;
    let requests = requests_of_a_tour(&lake).await;
    assert!(requests > 30, "a tour has many requests: {requests}");
    for number in 0..requests {
        let place = Place::new().await;
        place.fault(FaultMatch::default(), effect.clone(), u32::try_from(number).expect("few"));
        tour(lake(&place).as_ref())
            .await
            .unwrap_or_else(|error| panic!("{effect:?} at request {number}: {error}"));
        let hits = place.control().snapshot().await.faults[0].1;
        assert_eq!(hits, 1, "{effect:?} at request {number} was not met");
        place.control().clear_faults();
        assert_eq!(tree(&place).await, golden_tree, "{effect:?} at request {number}");
    }
}

fn azure(place: &Place) -> Box<dyn DataLake> {
    Box::new(place.lake.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_before_anything_happened() {
    everywhere(FaultEffect::ResetBefore, azure).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply() {
    everywhere(FaultEffect::ResetAfter, azure).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_service() {
    let headers = [("x-ms-error-code".to_owned(), "ServerBusy".to_owned())].into();
    everywhere(FaultEffect::Status { code: 503, body: None, retry_after: Some(0), headers }, azure).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_service() {
    everywhere(
        FaultEffect::Status { code: 500, body: None, retry_after: None, headers: BTreeMap::new() },
        azure,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off() {
    everywhere(FaultEffect::TruncateBody { bytes: 10 }, azure).await;
}
