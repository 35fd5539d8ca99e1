//! Conditions of writes, reads and deletes.

use super::support::{below, clean, fails, fresh, text, try_write, write};
use crate::{Condition, DataLake, DataLakeExt, Deleted, ErrorKind, ReadOptions};

/// `IfAbsent` writes where nothing is and never over something.
pub async fn if_absent_keeps_what_is_there(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "if-absent");
    let at = below(&home, "file");
    try_write(lake, &at, "first", Condition::IfAbsent).await.expect("there was nothing");
    let second = try_write(lake, &at, "second", Condition::IfAbsent).await;
    fails(second, ErrorKind::AlreadyExists, "a second write if absent");
    assert_eq!(text(lake, &at).await, "first");
    lake.delete(&at, None).await.expect("a delete");
    try_write(lake, &at, "third", Condition::IfAbsent).await.expect("there is nothing again");
    clean(lake, &[&home]).await;
}

/// `IfMatch` writes over the version it names and no other.
pub async fn if_match_needs_the_version(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "if-match");
    let at = below(&home, "file");
    let first = write(lake, &at, "1").await;
    let second = try_write(lake, &at, "2", Condition::IfMatch(first.etag.clone())).await;
    let second = second.expect("the version was the one");
    let stale = try_write(lake, &at, "3", Condition::IfMatch(first.etag)).await;
    fails(stale, ErrorKind::Precondition, "a write over a newer version");
    assert_eq!(text(lake, &at).await, "2");
    lake.delete(&at, None).await.expect("a delete");
    let gone = try_write(lake, &at, "4", Condition::IfMatch(second.etag)).await;
    fails(gone, ErrorKind::Precondition, "a write over a version that is gone");
    clean(lake, &[&home]).await;
}

/// Of eight writers that want to be first, one is.
pub async fn concurrent_if_absent_has_one_winner(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "race");
    for round in 0..5 {
        let at = below(&home, &format!("file-{round}"));
        let writes = (0..8).map(|n| {
            let at = at.clone();
            async move { (n, try_write(lake, &at, &format!("writer {n}"), Condition::IfAbsent).await) }
        });
        let mut winner = None;
        for (n, result) in futures::future::join_all(writes).await {
            match result {
                Ok(_) => assert_eq!(winner.replace(n), None, "two writers were first"),
                Err(error) => assert_eq!(error.kind, ErrorKind::AlreadyExists, "{error}"),
            }
        }
        let winner = winner.expect("one writer is first");
        assert_eq!(text(lake, &at).await, format!("writer {winner}"), "the winner's bytes are kept");
    }
    clean(lake, &[&home]).await;
}

/// A read of a version that is no more is refused.
pub async fn stale_read_is_refused(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "stale-read");
    let at = below(&home, "file");
    let first = write(lake, &at, "1").await;
    let options = |etag| ReadOptions { if_match: Some(etag), ..ReadOptions::default() };
    let read = lake.read(&at, options(first.etag.clone())).await.expect("the version is the one");
    assert_eq!(read.entry.etag, first.etag);
    let second = write(lake, &at, "2").await;
    fails(lake.read(&at, options(first.etag)).await, ErrorKind::Precondition, "a stale read");
    lake.read(&at, options(second.etag)).await.expect("the new version is read");
    let missing = lake.read(&below(&home, "missing"), ReadOptions::default()).await;
    fails(missing, ErrorKind::NotFound, "reading what is not there");
    clean(lake, &[&home]).await;
}

/// Deleting twice is fine; deleting another version is not.
pub async fn delete_is_idempotent_and_conditional(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "delete");
    let at = below(&home, "file");
    assert_eq!(lake.delete(&at, None).await.expect("absent is no error"), Deleted::Absent);
    let first = write(lake, &at, "1").await;
    let second = write(lake, &at, "2").await;
    let stale = lake.delete(&at, Some(first.etag.clone())).await;
    fails(stale, ErrorKind::Precondition, "deleting another version");
    assert_eq!(text(lake, &at).await, "2");
    let deleted = lake.delete(&at, Some(second.etag)).await;
    assert_eq!(deleted.expect("the version is the one"), Deleted::Deleted);
    assert_eq!(lake.delete(&at, Some(first.etag)).await.expect("absent is no error"), Deleted::Absent);
    assert!(!lake.exists(&at).await.expect("a look"));
    clean(lake, &[&home]).await;
}

/// A directory goes with all that is in it, its neighbours stay.
pub async fn delete_directory_takes_all(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "delete-directory");
    for name in ["dir/a", "dir/b/c", "dir.txt", "dir2/a"] {
        write(lake, &below(&home, name), name).await;
    }
    let directory = below(&home, "dir");
    assert_eq!(lake.delete_directory(&directory).await.expect("it is deleted"), Deleted::Deleted);
    assert_eq!(lake.delete_directory(&directory).await.expect("absent is no error"), Deleted::Absent);
    fails(lake.head(&below(&home, "dir/b/c")).await, ErrorKind::NotFound, "a file of a deleted directory");
    assert_eq!(text(lake, &below(&home, "dir.txt")).await, "dir.txt");
    assert_eq!(text(lake, &below(&home, "dir2/a")).await, "dir2/a");
    clean(lake, &[&home]).await;
}
