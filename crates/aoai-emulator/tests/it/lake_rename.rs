//! Renames.

use crate::lake_support::lake;

#[tokio::test]
async fn a_rename_keeps_tag_and_date_also_across_filesystems() {
    let service = lake().await;
    let etag = service.write("one/a", "abc").await;
    let before = service.head("one/a").await;
    service.advance(60);
    for (from, to) in [("one/a", "one/b"), ("one/b", "two/c")] {
        let moved = service.rename(from, to, &[]).await;
        assert_eq!((moved.status, moved.etag()), (201, etag.clone()));
        let head = service.head(to).await;
        assert_eq!(
            (head.etag(), head.header("last-modified")),
            (etag.clone(), before.header("last-modified"))
        );
        assert_eq!(service.read(to).await, "abc");
        assert_eq!(service.head(from).await.status, 404);
    }
}

#[tokio::test]
async fn sources_may_be_encoded_in_whole_and_signed() {
    let service = lake().await;
    service.write("one/a b?", "abc").await;
    let to = async |name: &str, source: &str| {
        service.ask("PUT", name, "", &[("x-ms-rename-source", source), ("x-ms-source-lease-id", "")]).await
    };
    assert_eq!(to("one/b c", "%2Fone%2Fa%20b%3F").await.status, 201);
    assert_eq!(to("one/d", "/one/b%20c?sv=2026-10-06&sig=x%3D").await.status, 201);
    assert_eq!(service.read("one/d").await, "abc");
    for bad in ["/one/b c", "one/d", "/one", "/one/%zz"] {
        assert_eq!(to("one/e", bad).await.outcome(), (400, "InvalidSourceUri"), "{bad}");
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let service = lake().await;
    service.write("one/a", "abc").await;
    let outcome = async |from: &str, to: &str| {
        let answer = service.rename(from, to, &[]).await;
        (answer.status, answer.header("x-ms-error-code").to_owned())
    };
    assert_eq!(outcome("one/none", "one/b").await, (404, "SourcePathNotFound".into()));
    assert_eq!(outcome("one/a", "none/b").await, (404, "FilesystemNotFound".into()));
    assert_eq!(outcome("none/a", "one/b").await, (404, "FilesystemNotFound".into()));
    assert_eq!(outcome("one/a", "one/x/y/b").await, (404, "RenameDestinationParentPathNotFound".into()));
    assert_eq!(outcome("one/a", "one/a/b").await.0, 409);
    service.write("one/file", "x").await;
    assert_eq!(outcome("one/a", "one/file/b").await, (409, "InvalidDestinationPath".into()));
    assert_eq!(service.names("one", "recursive=true").await, ["a", "file"]);
}

#[tokio::test]
async fn destinations_and_sources_have_conditions() {
    let service = lake().await;
    let source = service.write("one/a", "abc").await;
    let target = service.write("one/b", "old").await;
    let outcome = async |to: &str, headers: &[(&str, &str)]| {
        let answer = service.rename("one/a", to, headers).await;
        (answer.status, answer.header("x-ms-error-code").to_owned())
    };
    assert_eq!(outcome("one/b", &[("if-none-match", "*")]).await, (409, "PathAlreadyExists".into()));
    assert_eq!(outcome("one/b", &[("if-match", &source)]).await, (412, "ConditionNotMet".into()));
    assert_eq!(outcome("one/new", &[("if-match", &target)]).await, (412, "ConditionNotMet".into()));
    let stale = [("x-ms-source-if-match", target.as_str())];
    assert_eq!(outcome("one/b", &stale).await, (412, "SourceConditionNotMet".into()));
    let earlier = [("x-ms-source-if-unmodified-since", "Fri, 15 Jan 2027 07:59:59 GMT")];
    assert_eq!(outcome("one/b", &earlier).await, (412, "SourceConditionNotMet".into()));
    assert_eq!((service.read("one/a").await, service.read("one/b").await), ("abc".into(), "old".into()));
    let fresh = [("x-ms-source-if-match", source.as_str()), ("if-match", target.as_str())];
    assert_eq!(outcome("one/b", &fresh).await.0, 201);
    assert_eq!(service.read("one/b").await, "abc");
    assert_eq!(service.rename("one/b", "one/c", &[("if-none-match", "*")]).await.status, 201);
}

#[tokio::test]
async fn directories_move_with_all_that_is_below() {
    let service = lake().await;
    let etag = service.write("one/dir/sub/a", "abc").await;
    service.write("one/dir/b", "x").await;
    service.write("one/dir2/c", "y").await;
    service.write("one/dir.txt", "z").await;
    assert_eq!(service.rename("one/dir", "two/moved", &[]).await.status, 201);
    assert_eq!(service.names("one", "recursive=true").await, ["dir.txt", "dir2", "dir2/c"]);
    assert_eq!(
        service.names("two", "recursive=true").await,
        ["moved", "moved/b", "moved/sub", "moved/sub/a"]
    );
    assert_eq!(service.head("two/moved/sub/a").await.etag(), etag);
    assert_eq!(service.read("two/moved/sub/a").await, "abc");
}

#[tokio::test]
async fn kinds_do_not_mix_and_content_is_not_buried() {
    let service = lake().await;
    service.write("one/file", "abc").await;
    service.write("one/full/a", "x").await;
    service.ask("PUT", "one/empty", "resource=directory", &[]).await;
    service.ask("PUT", "one/dir", "resource=directory", &[]).await;
    let outcome = async |from: &str, to: &str| {
        let answer = service.rename(from, to, &[]).await;
        (answer.status, answer.header("x-ms-error-code").to_owned())
    };
    let mixed = (409, "InvalidSourceOrDestinationResourceType".to_owned());
    assert_eq!(outcome("one/file", "one/empty").await, mixed);
    assert_eq!(outcome("one/dir", "one/file").await, mixed);
    assert_eq!(outcome("one/dir", "one/full").await, (409, "DirectoryNotEmpty".into()));
    assert_eq!(outcome("one/full", "one/full/deep").await, (409, "InvalidRenameSourcePath".into()));
    assert_eq!(outcome("one/full", "one/full").await, (409, "InvalidRenameSourcePath".into()));
    assert_eq!(outcome("one/file", "one/file").await.0, 201);
    assert_eq!(outcome("one/full", "one/empty").await.0, 201);
    assert_eq!(service.names("one", "recursive=true").await, ["dir", "empty", "empty/a", "file"]);
}

#[tokio::test]
async fn appended_bytes_move_along() {
    let service = lake().await;
    service.ask("PUT", "one/a", "resource=file", &[]).await;
    service.append("one/a", 0, "abc", "").await;
    service.rename("one/a", "one/b", &[]).await;
    assert_eq!(service.flush("one/b", 3).await.status, 200);
    assert_eq!(service.read("one/b").await, "abc");
}
