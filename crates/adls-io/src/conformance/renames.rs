//! Renames within a filesystem and between two.

use super::support::{below, clean, fails, fresh, text, write};
use crate::{Condition, DataLake, DataLakeExt, ETag, ErrorKind, Location, RenameOptions};

fn options(source: Option<&ETag>, destination: Condition) -> RenameOptions {
    RenameOptions { source_if_match: source.cloned(), destination }
}

fn homes(check: &str, one: &str, other: &str) -> (Location, Location) {
    (fresh(one, &format!("{check}-from")), fresh(other, &format!("{check}-to")))
}

/// A rename moves the bytes, keeps the version and makes missing parents.
pub async fn rename_keeps_the_version(lake: &dyn DataLake, one: &str, other: &str) {
    let (source, target) = homes("rename", one, other);
    for (n, condition) in [Condition::Always, Condition::IfAbsent].into_iter().enumerate() {
        let (from, to) = (below(&source, "file"), below(&target, &format!("new/{n}/file")));
        let written = write(lake, &from, "moved").await;
        let etag = lake.rename(&from, &to, options(Some(&written.etag), condition)).await;
        assert_eq!(etag.expect("a rename succeeds"), written.etag, "the rename tells the version");
        assert_eq!(lake.head(&to).await.expect("it is there").etag, written.etag, "the version is kept");
        assert_eq!(text(lake, &to).await, "moved");
        assert!(!lake.exists(&from).await.expect("a look"), "the source is gone");
    }
    let (from, to) = (below(&source, "file"), below(&target, "new/0/file"));
    let written = write(lake, &from, "replaced").await;
    lake.rename(&from, &to, options(None, Condition::Always)).await.expect("a rename replaces");
    assert_eq!(text(lake, &to).await, "replaced");
    let same = lake.rename(&to, &to, options(None, Condition::Always)).await;
    assert_eq!(same.expect("a rename onto itself does nothing"), written.etag);
    assert_eq!(text(lake, &to).await, "replaced");
    clean(lake, &[&source, &target]).await;
}

/// A rename whose conditions do not hold changes nothing.
pub async fn rename_conditions_hold(lake: &dyn DataLake, one: &str, other: &str) {
    let (source, target) = homes("rename-conditions", one, other);
    let (from, to) = (below(&source, "file"), below(&target, "file"));
    let old = write(lake, &from, "old").await.etag;
    let new = write(lake, &from, "new").await.etag;
    let standing = write(lake, &to, "standing").await.etag;
    let newer = write(lake, &to, "newer").await.etag;
    for (source_if_match, destination, kind) in [
        (Some(&old), Condition::Always, ErrorKind::Precondition),
        (Some(&new), Condition::IfAbsent, ErrorKind::AlreadyExists),
        (None, Condition::IfMatch(standing), ErrorKind::Precondition),
    ] {
        let result = lake.rename(&from, &to, options(source_if_match, destination)).await;
        fails(result, kind, "a rename whose condition does not hold");
        assert_eq!((text(lake, &from).await, text(lake, &to).await), ("new".into(), "newer".into()));
    }
    write(lake, &below(&target, "dir/x"), "x").await;
    let directory = below(&target, "dir");
    let over = lake.rename(&from, &directory, options(None, Condition::Always)).await;
    fails(over, ErrorKind::WrongType, "a rename over a directory");
    let of = lake.rename(&directory, &below(&target, "dir2"), options(None, Condition::Always)).await;
    fails(of, ErrorKind::WrongType, "a rename of a directory");
    let etag = lake.rename(&from, &to, options(Some(&new), Condition::IfMatch(newer))).await;
    assert_eq!(etag.expect("both conditions hold"), new);
    assert_eq!(text(lake, &to).await, "new");
    clean(lake, &[&source, &target]).await;
}

/// A source that is not there is not found, whatever stands at the destination.
pub async fn missing_source_is_not_found(lake: &dyn DataLake, one: &str, other: &str) {
    let (source, target) = homes("rename-missing", one, other);
    let (from, to) = (below(&source, "missing"), below(&target, "file"));
    let nothing = lake.rename(&from, &to, options(None, Condition::Always)).await;
    fails(nothing, ErrorKind::NotFound, "a rename of nothing to nothing");
    write(lake, &to, "standing").await;
    let unknown = lake.rename(&from, &to, options(None, Condition::Always)).await;
    fails(unknown, ErrorKind::NotFound, "a rename of nothing, version unknown");
    let stranger = ETag("another".to_owned());
    let strange = lake.rename(&from, &to, options(Some(&stranger), Condition::Always)).await;
    fails(strange, ErrorKind::NotFound, "a rename of nothing onto another version");
    assert_eq!(text(lake, &to).await, "standing");
    clean(lake, &[&source, &target]).await;
}

/// A rename whose answer was lost can be repeated.
pub async fn lost_rename_is_recognised(lake: &dyn DataLake, one: &str, other: &str) {
    let (source, target) = homes("rename-lost", one, other);
    let (from, to) = (below(&source, "file"), below(&target, "file"));
    let etag = write(lake, &from, "moved").await.etag;
    for _ in 0..3 {
        let again = lake.rename(&from, &to, options(Some(&etag), Condition::IfAbsent)).await;
        assert_eq!(again.expect("a repeated rename is done already"), etag);
    }
    assert_eq!(text(lake, &to).await, "moved");
    clean(lake, &[&source, &target]).await;
}
