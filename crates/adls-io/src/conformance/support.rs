//! What the checks share.

use bytes::Bytes;
use futures::StreamExt;

use crate::{
    Condition, DataLake, DataLakeExt, Entry, EntryKind, ErrorKind, LakePath, ListMode, Location, ReadOptions,
    Result, Written,
};

/// A directory that no other check uses.
pub(super) fn fresh(filesystem: &str, check: &str) -> Location {
    let path = format!("conformance/{check}-{}", uuid::Uuid::new_v4());
    Location::new(filesystem, LakePath::parse(&path).expect("a legal path"))
}

/// A path below a directory.
pub(super) fn below(directory: &Location, relative: &str) -> Location {
    directory.join(relative).expect("a legal path")
}

pub(super) async fn write(lake: &dyn DataLake, at: &Location, text: &str) -> Written {
    try_write(lake, at, text, Condition::Always).await.expect("a write succeeds")
}

pub(super) async fn try_write(
    lake: &dyn DataLake,
    at: &Location,
    text: &str,
    condition: Condition,
) -> Result<Written> {
    lake.write_all(at, Bytes::copy_from_slice(text.as_bytes()), condition).await
}

pub(super) async fn text(lake: &dyn DataLake, at: &Location) -> String {
    let bytes = lake.read_all(at, 1 << 20).await.expect("a read succeeds");
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// The bytes of a range.
pub(super) async fn read_range(
    lake: &dyn DataLake,
    at: &Location,
    offset: u64,
    length: Option<u64>,
) -> Vec<u8> {
    let options = ReadOptions { offset, length, if_match: None };
    let mut stream = lake.read(at, options).await.expect("a range is read");
    let mut all = Vec::new();
    while let Some(chunk) = stream.body.next().await {
        all.extend_from_slice(&chunk.expect("a chunk is read"));
    }
    all
}

/// What a listing shows, relative to its directory; directories end in `/`.
pub(super) async fn names(lake: &dyn DataLake, directory: &Location, mode: ListMode) -> Vec<String> {
    let entries: Vec<Result<Entry>> = lake.list(directory, mode).collect().await;
    let name = |entry: Result<Entry>| {
        let entry = entry.expect("a listing succeeds");
        assert_eq!(entry.location.filesystem, directory.filesystem, "entries name their filesystem");
        let path = entry.location.path.relative_to(&directory.path).expect("entries lie below");
        match entry.kind {
            EntryKind::File => path.to_string(),
            EntryKind::Directory => format!("{path}/"),
        }
    };
    entries.into_iter().map(name).collect()
}

/// Asserts that a call failed with this kind.
#[track_caller]
pub(super) fn fails<T>(result: Result<T>, kind: ErrorKind, why: &str) {
    match result {
        Ok(_) => panic!("{why}: expected {kind:?}, but it succeeded"),
        Err(error) => assert_eq!(error.kind, kind, "{why}: {error}"),
    }
}

/// Removes what a check has made.
pub(super) async fn clean(lake: &dyn DataLake, directories: &[&Location]) {
    for directory in directories {
        lake.delete_directory(directory).await.expect("a directory is deleted");
    }
}
