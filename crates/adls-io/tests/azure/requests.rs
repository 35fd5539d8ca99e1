//! What the operations cost, counted by the emulator.

use adls_io::{AzureLakeOptions, Condition, DataLake, DataLakeExt, ListMode};
use aoai_emulator::{EmulatorConfig, Operation};
use futures::TryStreamExt;

use crate::support::{Place, at, options};

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_takes_one_request_a_page() {
    let place = Place::with(
        EmulatorConfig::default(),
        AzureLakeOptions { page_size: AzureLakeOptions::default().page_size, ..options() },
    )
    .await;
    place.lake.ensure_filesystem("one").await.unwrap();
    for n in 0..40 {
        place.lake.write_all(&at("one", &format!("d/{n}")), "x".into(), Condition::Always).await.unwrap();
    }
    let before = place.control().requests(Operation::LakeList);
    let all: Vec<_> = place.lake.list(&at("one", ""), ListMode::Recursive).try_collect().await.unwrap();
    assert_eq!(all.len(), 41);
    assert_eq!(place.control().requests(Operation::LakeList) - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_one_request_and_a_small_write_four() {
    let place = Place::new().await;
    place.lake.ensure_filesystem("one").await.unwrap();
    let total = || async { place.control().snapshot().await.requests.values().sum::<u64>() };
    let before = total().await;
    place.lake.write_all(&at("one", "a"), "hello".into(), Condition::IfAbsent).await.unwrap();
    assert_eq!(total().await - before, 4, "create, append, flush, rename");
    let before = total().await;
    place.lake.read_all(&at("one", "a"), 100).await.unwrap();
    assert_eq!(total().await - before, 1);
}
