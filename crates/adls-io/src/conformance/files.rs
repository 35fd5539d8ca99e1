//! Writing and reading.

use bytes::Bytes;
use futures::StreamExt;

use super::support::{below, clean, fails, fresh, names, read_range, text, try_write, write};
use crate::{
    Condition, DataLake, DataLakeExt, EntryKind, ErrorKind, LakePath, ListMode, Location, ReadOptions,
};

/// What is written comes back, empty files and files of many chunks as well, and parents are made.
pub async fn written_bytes_come_back(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "written");
    let small = below(&home, "deep/er/small.txt");
    let written = write(lake, &small, "hello").await;
    assert_eq!(written.size, 5, "the size of what was written");
    assert_eq!(text(lake, &small).await, "hello");
    let entry = lake.head(&small).await.expect("the file is there");
    assert_eq!((entry.kind, entry.size, &entry.etag), (EntryKind::File, 5, &written.etag));
    assert_eq!(entry.location, small);
    let parent = lake.head(&below(&home, "deep")).await.expect("the parent was made");
    assert_eq!((parent.kind, parent.size), (EntryKind::Directory, 0));

    let empty = below(&home, "empty");
    assert_eq!(write(lake, &empty, "").await.size, 0);
    assert_eq!(text(lake, &empty).await, "");

    let again = write(lake, &small, "HELLO").await;
    assert_ne!(again.etag, written.etag, "new content of the same size is a new version");
    assert_eq!(text(lake, &small).await, "HELLO");

    let large = below(&home, "large");
    let bytes: Vec<u8> = (0..5_000_003_u32).map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8).collect();
    let mut writer = lake.create(&large).await.expect("a write starts");
    for part in bytes.chunks(777_777) {
        writer.write(Bytes::copy_from_slice(part)).await.expect("a part is written");
    }
    let written = writer.commit(Condition::Always).await.expect("a large file is committed");
    assert_eq!(written.size, bytes.len() as u64);
    assert!(read_range(lake, &large, 0, None).await == bytes, "a large file comes back");
    let bounded = lake.read_all(&large, 1_000_000).await;
    fails(bounded, ErrorKind::Invalid, "a bounded read of a larger file");
    clean(lake, &[&home]).await;
}

/// Ranges hold the bytes asked for, clipped at the end of the file.
pub async fn ranges_are_exact(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "ranges");
    let at = below(&home, "digits");
    write(lake, &at, "0123456789").await;
    for (offset, length, expected) in [
        (0, Some(3), "012"),
        (3, Some(4), "3456"),
        (7, None, "789"),
        (8, Some(100), "89"),
        (10, None, ""),
        (10, Some(5), ""),
        (4, Some(0), ""),
        (0, Some(u64::MAX), "0123456789"),
    ] {
        let found = read_range(lake, &at, offset, length).await;
        assert_eq!(found, expected.as_bytes(), "the range {offset} {length:?}");
    }
    let past = ReadOptions { offset: 11, ..ReadOptions::default() };
    fails(lake.read(&at, past).await, ErrorKind::Invalid, "an offset past the end");
    clean(lake, &[&home]).await;
}

/// A file appears with its commit, not before; until then its predecessor is read.
pub async fn nothing_is_visible_before_commit(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "commit");
    let (new, old) = (below(&home, "new"), below(&home, "old"));
    write(lake, &old, "first").await;
    let mut writers = Vec::new();
    for at in [&new, &old] {
        let mut writer = lake.create(at).await.expect("a write starts");
        writer.write(Bytes::from(vec![b'x'; 2_000_000])).await.expect("bytes are written");
        writers.push(writer);
    }
    assert!(!lake.exists(&new).await.expect("a look"), "a file is visible before its commit");
    assert_eq!(text(lake, &old).await, "first", "a file changed before the commit");
    let listed = names(lake, &home, ListMode::Recursive).await;
    assert_eq!(listed, ["old"], "a listing shows what is not committed");
    for writer in writers {
        writer.commit(Condition::Always).await.expect("a commit succeeds");
    }
    assert_eq!(names(lake, &home, ListMode::Recursive).await, ["new", "old"]);
    assert_eq!(lake.head(&old).await.expect("it is there").size, 2_000_000);
    clean(lake, &[&home]).await;
}

/// A writer that is dropped leaves no file, and what stood there stays.
pub async fn dropped_writer_leaves_nothing(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "dropped");
    let kept = below(&home, "kept");
    write(lake, &kept, "kept").await;
    for name in ["kept", "never"] {
        let mut writer = lake.create(&below(&home, name)).await.expect("a write starts");
        writer.write(Bytes::from(vec![0; 2_000_000])).await.expect("bytes are written");
        drop(writer);
    }
    assert_eq!(names(lake, &home, ListMode::Recursive).await, ["kept"]);
    assert_eq!(text(lake, &kept).await, "kept");
    clean(lake, &[&home]).await;
}

/// A directory is no file and a file no directory.
pub async fn wrong_types_are_told(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "types");
    let (directory, file) = (below(&home, "dir"), below(&home, "dir/file"));
    write(lake, &file, "x").await;
    let wrong = ErrorKind::WrongType;
    fails(lake.read(&directory, ReadOptions::default()).await, wrong, "reading a directory");
    fails(lake.delete(&directory, None).await, wrong, "deleting a directory as a file");
    fails(lake.delete_directory(&file).await, wrong, "deleting a file as a directory");
    fails(try_write(lake, &directory, "x", Condition::Always).await, wrong, "writing over a directory");
    let inside = below(&file, "inside");
    fails(try_write(lake, &inside, "x", Condition::Always).await, wrong, "writing below a file");
    fails(lake.head(&inside).await, ErrorKind::NotFound, "looking below a file");
    let listed = lake.list(&file, ListMode::Shallow).next().await;
    fails(listed.expect("a listing of a file yields something"), wrong, "listing a file");
    let root = Location::new(filesystem, LakePath::root());
    assert_eq!(lake.head(&root).await.expect("the root is there").kind, EntryKind::Directory);
    assert_eq!(text(lake, &file).await, "x", "the file has survived it all");
    clean(lake, &[&home]).await;
}
