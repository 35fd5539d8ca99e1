//! What can be wrong, and what is said about it.

use std::{collections::BTreeMap, time::Duration};

use adls_io::{
    AzureCredential, AzureLake, AzureLakeOptions, AzureRetry, Condition, DataLake, DataLakeExt, ErrorKind,
    LakePath, ListMode, PathError, ReadOptions,
};
use aoai_emulator::{EmulatorConfig, FaultEffect, FaultMatch, FaultRule};
use azure_core::credentials::Secret;
use futures::StreamExt;

use crate::support::{ACCOUNT, KEY, Place, at, endpoint, key, options};

async fn first_listed(lake: &AzureLake, filesystem: &str, path: &str) -> adls_io::Error {
    lake.list(&at(filesystem, path), ListMode::Recursive)
        .next()
        .await
        .expect("an error")
        .expect_err("an error")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_named() {
    let place = Place::new().await;
    let error = first_listed(&place.lake, "nowhere", "").await;
    assert_eq!(error.kind, ErrorKind::NoFilesystem);
    assert!(error.to_string().contains("\"nowhere\" does not exist"), "{error}");
    place.lake.ensure_filesystem("one").await.unwrap();
    let error = first_listed(&place.lake, "one", "no/dir").await;
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::NotFound, Some("PathNotFound")));
    assert!(error.to_string().contains("one/no/dir") && error.request_id.is_some(), "{error:?}");
    // An account that is not there is a host that is not there.
    let nobody = "https://no-such-account-of-ours.dfs.core.windows.invalid";
    let lake = AzureLake::new(nobody, key(KEY), options()).unwrap();
    let error = lake.head(&at("one", "a")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().contains("no-such-account-of-ours"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_refused_with_advice_and_without_the_key() {
    let place = Place::new().await;
    let wrong = "d3Jvbmc=";
    let lake = AzureLake::new(&endpoint(&place.emulator), key(wrong), options()).unwrap();
    let error = lake.ensure_filesystem("one").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PermissionDenied, "{error}");
    let error = lake.list(&at("one", ""), ListMode::Shallow).next().await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains("account key is not this account's"), "{error}");
    assert!(!format!("{error:?}").contains(wrong), "{error:?}");
    let error = AzureLake::new(&endpoint(&place.emulator), key("not base64!"), options()).unwrap_err();
    assert!(error.to_string().contains("base64"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_hierarchical_namespace_is_refused() {
    let mut config = EmulatorConfig::default();
    config.lake.accounts[0].hierarchical_namespace = false;
    config.lake.create_filesystems = vec!["one".to_owned()];
    let place = Place::with(config, options()).await;
    for error in
        [first_listed(&place.lake, "one", "").await, place.lake.ensure_filesystem("one").await.unwrap_err()]
    {
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.to_string().contains("hierarchical namespace"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filesystem_that_disappears_is_not_a_file_that_is_gone() {
    let place = Place::new().await;
    place.lake.ensure_filesystem("one").await.unwrap();
    place.lake.write_all(&at("one", "a"), "x".into(), Condition::Always).await.unwrap();
    place.control().delete_filesystem(ACCOUNT, "one").unwrap();
    for error in [
        place.lake.find(&at("one", "a")).await.unwrap_err(),
        place.lake.read(&at("one", "a"), ReadOptions::default()).await.unwrap_err(),
        place.lake.delete(&at("one", "a"), None).await.unwrap_err(),
        first_listed(&place.lake, "one", "").await,
    ] {
        assert_eq!(error.kind, ErrorKind::NoFilesystem, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_throttles_is_waited_for_and_in_the_end_reported() {
    let retry =
        AzureRetry { max_attempts: 3, initial: Duration::from_millis(1), max_delay: Duration::from_secs(1) };
    let place = Place::with(EmulatorConfig::default(), AzureLakeOptions { retry, ..options() }).await;
    place.lake.ensure_filesystem("one").await.unwrap();
    let busy = |retry_after| FaultRule {
        matching: FaultMatch::default(),
        effect: FaultEffect::Status { code: 503, body: None, retry_after, headers: BTreeMap::new() },
        times: None,
        skip: 0,
    };
    place.control().add_fault(busy(None));
    let error = place.lake.head(&at("one", "")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().contains("tried 3 times"), "{error}");
    // What asks for more patience than we have is told so, at once.
    place.control().clear_faults();
    place.control().add_fault(busy(Some(60)));
    let error = place.lake.head(&at("one", "")).await.unwrap_err();
    assert!(error.to_string().contains("asked to wait 60s"), "{error}");
}

#[test]
fn a_path_of_1025_characters_is_no_path() {
    assert_eq!(LakePath::parse(&"x".repeat(1025)), Err(PathError::TooLong(1025)));
    assert!(LakePath::parse(&"x".repeat(1024)).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_path_can_be_written_although_its_temporary_name_is_longer() {
    let place = Place::new().await;
    place.lake.ensure_filesystem("one").await.unwrap();
    let longest = at("one", &format!("{}/x", vec!["d".repeat(100); 10].join("/")));
    assert!(longest.path.as_str().len() > 1000);
    place.lake.write_all(&longest, "x".into(), Condition::IfAbsent).await.unwrap();
    assert_eq!(place.lake.read_all(&longest, 10).await.unwrap(), "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_needs_tls_and_a_sas_needs_a_signature() {
    let place = Place::new().await;
    let error = AzureLake::new(
        &endpoint(&place.emulator),
        AzureCredential::Sas(Secret::new("sv=2023-11-03".to_owned())),
        options(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("sig="), "{error}");
}
