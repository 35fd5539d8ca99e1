//! Listings and names.

use futures::StreamExt;

use super::support::{below, clean, fails, fresh, names, text, write};
use crate::{
    Condition, DataLake, DataLakeExt, ErrorKind, LakePath, ListMode, Location, PathError, ReadOptions,
    RenameOptions,
};

/// A listing is depth first by name, a directory before what is in it; a shallow one stays on top.
pub async fn lists_in_order(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "list");
    for name in ["b", "a/z", "a/b/c", "a.txt", "a-b", "a/y", "c/d/e/f"] {
        write(lake, &below(&home, name), "12").await;
    }
    let all = names(lake, &home, ListMode::Recursive).await;
    let expected =
        ["a/", "a/b/", "a/b/c", "a/y", "a/z", "a-b", "a.txt", "b", "c/", "c/d/", "c/d/e/", "c/d/e/f"];
    assert_eq!(all, expected);
    assert_eq!(names(lake, &home, ListMode::Shallow).await, ["a/", "a-b", "a.txt", "b", "c/"]);
    assert_eq!(names(lake, &below(&home, "a"), ListMode::Recursive).await, ["b/", "b/c", "y", "z"]);
    let listed = lake.list(&below(&home, "c/d/e"), ListMode::Shallow).next().await;
    let listed = listed.expect("an entry").expect("a good one");
    assert_eq!(listed, lake.head(&below(&home, "c/d/e/f")).await.expect("it is there"));

    // More than a page, however a backend pages.
    let many = below(&home, "many");
    for n in 0..300 {
        write(lake, &below(&many, &format!("{n:04}")), "").await;
    }
    let expected: Vec<String> = (0..300).map(|n| format!("{n:04}")).collect();
    assert_eq!(names(lake, &many, ListMode::Shallow).await, expected);
    assert_eq!(names(lake, &many, ListMode::Recursive).await, expected);
    clean(lake, &[&home]).await;
}

/// What a writer that died has left is in no listing but its own, and can be deleted; one that finishes leaves nothing.
pub async fn unfinished_files_are_listed_apart(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "unfinished");
    write(lake, &below(&home, "done"), "12").await;
    let mut writer = lake.create(&below(&home, "dir/never")).await.expect("a writer");
    writer.write(bytes::Bytes::from_static(b"half")).await.expect("half of it");
    std::mem::forget(writer);
    let all = names(lake, &home, ListMode::Recursive).await;
    assert!(all.iter().all(|name| name == "dir/" || name == "done"), "{all:?}");
    // A backend that leaves nothing behind has nothing to list.
    let left: Vec<_> = lake.list(&home, ListMode::Unfinished).collect().await;
    assert!(left.len() <= 1, "{left:?}");
    for entry in left {
        let entry = entry.expect("an entry");
        assert_eq!(entry.kind, crate::EntryKind::File);
        assert!(entry.location.path.relative_to(&home.path).is_some(), "{entry:?}");
        lake.delete(&entry.location, None).await.expect("it can be deleted");
        lake.delete(&entry.location, None).await.expect("absent is fine");
    }
    assert_eq!(names(lake, &home, ListMode::Unfinished).await, [""; 0]);
    clean(lake, &[&home]).await;
}

/// A directory that is not there is an error, not an empty listing.
pub async fn missing_directory_is_not_found(lake: &dyn DataLake, filesystem: &str) {
    let home = fresh(filesystem, "missing");
    for mode in [ListMode::Shallow, ListMode::Recursive] {
        let mut listing = lake.list(&home, mode);
        let first = listing.next().await.expect("a listing of nothing yields an error");
        fails(first, ErrorKind::NotFound, "a listing of a missing directory");
        assert!(listing.next().await.is_none(), "an error ends the listing");
        assert!(lake.list_if_there(&home, mode).next().await.is_none(), "what is not there has no entries");
    }
    fails(lake.head(&home).await, ErrorKind::NotFound, "a look at a missing directory");
    let nowhere = Location::new("no-such-filesystem", LakePath::root());
    fails(lake.head(&nowhere).await, ErrorKind::NoFilesystem, "a look at a missing filesystem");
    let lost = below(&nowhere, "file");
    fails(lake.head(&lost).await, ErrorKind::NoFilesystem, "a look into a missing filesystem");
    let read = lake.read(&lost, ReadOptions::default()).await;
    fails(read, ErrorKind::NoFilesystem, "a read from a missing filesystem");
    let listed = lake.list(&nowhere, ListMode::Shallow).next().await.expect("an error");
    fails(listed, ErrorKind::NoFilesystem, "a listing of a missing filesystem");
    assert!(lake.list_if_there(&nowhere, ListMode::Shallow).next().await.is_none(), "nor has what is in it");
}

/// Names that are hard to write in an address are names like any other.
pub async fn odd_names_round_trip(lake: &dyn DataLake, one: &str, other: &str) {
    let (home, target) = (fresh(one, "names"), fresh(other, "names"));
    let mut odd = [
        " lead",
        "%41",
        "...",
        ".hidden",
        "a b+c",
        "back\\slash",
        "h#x",
        "p%",
        "q?x=1&y",
        "quote\"'",
        "semi;colon:",
        "ü",
        "测试",
    ];
    odd.sort_unstable();
    for name in &odd {
        write(lake, &below(&home, &format!("{name}/{name}")), name).await;
    }
    let expected: Vec<String> = odd.iter().flat_map(|n| [format!("{n}/"), format!("{n}/{n}")]).collect();
    assert_eq!(names(lake, &home, ListMode::Recursive).await, expected);
    for name in &odd {
        let (from, to) = (below(&home, &format!("{name}/{name}")), below(&target, name));
        let options = RenameOptions { source_if_match: None, destination: Condition::IfAbsent };
        lake.rename(&from, &to, options).await.expect("an odd name is renamed");
        assert_eq!(text(lake, &to).await, *name);
        lake.delete(&to, None).await.expect("an odd name is deleted");
    }
    clean(lake, &[&home, &target]).await;
}

/// No text that climbs is a path, and what looks as if it did stays inside.
pub async fn paths_cannot_escape(lake: &dyn DataLake, filesystem: &str) {
    for text in ["..", "../x", "a/../b", "/../x", "a/.."] {
        assert_eq!(LakePath::parse(text), Err(PathError::Traversal), "{text}");
    }
    let home = fresh(filesystem, "escape");
    assert!(home.join("../x").is_err());
    // Encoded or with other separators it is an ordinary name and must come back as one.
    for name in ["%2e%2e", "..%2f", "..\\x", "...", "c:"] {
        let at = below(&home, name);
        write(lake, &at, name).await;
        assert_eq!(names(lake, &home, ListMode::Recursive).await, [name]);
        lake.delete(&at, None).await.expect("it is deleted");
    }
    clean(lake, &[&home]).await;
}
