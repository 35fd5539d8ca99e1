//! Files and directories from create to delete.

use futures::stream;
use reqwest::{Body, Method};

use crate::{
    lake_support::{ACCOUNT, Answer, lake, with_filesystems},
    support::start,
};

#[tokio::test]
async fn a_file_is_created_appended_flushed_read_and_deleted() {
    let service = lake().await;
    let created = service.ask("PUT", "one/dir/a.jsonl", "resource=file", &[]).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("x-ms-request-server-encrypted"), "true");
    assert!(created.etag().starts_with("\"0x8D") && created.etag().ends_with('"'), "{}", created.etag());
    assert_eq!(created.header("last-modified"), "Fri, 15 Jan 2027 08:00:00 GMT");
    service.advance(5);
    let appended = service.append("one/dir/a.jsonl", 0, "hello ", "").await;
    assert_eq!((appended.status, appended.etag().as_str()), (202, ""));
    assert_eq!(service.append("one/dir/a.jsonl", 6, "world", "").await.status, 202);
    let before = service.head("one/dir/a.jsonl").await;
    assert_eq!((before.etag(), before.header("content-length")), (created.etag(), "0"));
    assert_eq!(before.header("last-modified"), created.header("last-modified"));
    assert_eq!(service.read("one/dir/a.jsonl").await, "");
    let flushed = service.flush("one/dir/a.jsonl", 11).await;
    assert_eq!(flushed.status, 200);
    assert_ne!(flushed.etag(), created.etag());
    assert_eq!(flushed.header("last-modified"), "Fri, 15 Jan 2027 08:00:05 GMT");
    assert_eq!(service.read("one/dir/a.jsonl").await, "hello world");
    assert_eq!(service.head("one/dir/a.jsonl").await.etag(), flushed.etag());
    assert_eq!(service.ask("DELETE", "one/dir/a.jsonl", "", &[]).await.status, 200);
    let gone = service.ask("GET", "one/dir/a.jsonl", "", &[]).await;
    assert_eq!(gone.outcome(), (404, "PathNotFound"));
    assert_eq!(service.names("one", "recursive=true").await, ["dir"]);
}

#[tokio::test]
async fn an_append_can_flush() {
    let service = lake().await;
    let created = service.ask("PUT", "one/a", "resource=file", &[]).await;
    let flushed = service.append("one/a", 0, "abc", "&flush=true").await;
    assert_eq!(flushed.status, 202);
    assert!(!flushed.etag().is_empty() && flushed.etag() != created.etag());
    assert_eq!(service.read("one/a").await, "abc");
}

#[tokio::test]
async fn answers_say_who_answers_what() {
    let service = lake().await;
    let id = [("x-ms-client-request-id", "mine"), ("x-ms-version", "2026-10-06")];
    for (method, path, query) in
        [("PUT", "one/a", "resource=file"), ("GET", "one/b", ""), ("HEAD", "one", "resource=filesystem")]
    {
        let answer = service.ask(method, path, query, &id).await;
        assert_eq!(answer.header("server"), "Windows-Azure-HDFS/1.0 Microsoft-HTTPAPI/2.0");
        assert_eq!(answer.header("x-ms-client-request-id"), "mine");
        assert_eq!(answer.header("x-ms-version"), "2026-10-06");
        assert_eq!(answer.header("date"), "Fri, 15 Jan 2027 08:00:00 GMT");
        assert!(uuid::Uuid::parse_str(answer.header("x-ms-request-id")).is_ok());
        assert_eq!(answer.headers.get_all("date").iter().count(), 1);
    }
    assert_eq!(service.head("one/a").await.header("x-ms-version"), "2023-11-03");
}

#[tokio::test]
async fn errors_have_the_envelope_of_their_api() {
    let service = lake().await;
    let dfs = service.ask("GET", "one/missing", "", &[]).await;
    assert_eq!(dfs.header("content-type"), "application/json;charset=utf-8");
    let error = &dfs.json()["error"];
    assert_eq!(error["code"], "PathNotFound");
    let wanted = format!("\nRequestId:{}\nTime:2027-01-15T08:00:00", dfs.header("x-ms-request-id"));
    assert!(error["message"].as_str().unwrap().contains(&wanted), "{error}");
    let blob = service.ask("GET", "none", "restype=container", &[]).await;
    assert_eq!(blob.outcome(), (404, "ContainerNotFound"));
    assert_eq!(blob.header("content-type"), "application/xml");
    assert!(
        blob.text.starts_with("<?xml") && blob.text.contains("<Code>ContainerNotFound</Code>"),
        "{}",
        blob.text
    );
    let head = service.head("one/missing").await;
    assert_eq!((head.outcome(), head.text.as_str()), ((404, "PathNotFound"), ""));
}

#[tokio::test]
async fn heads_tell_files_and_directories_apart() {
    let service = lake().await;
    service.write("one/dir/a", "abc").await;
    let file = service.head("one/dir/a").await;
    for (name, value) in [
        ("content-length", "3"),
        ("content-type", "application/octet-stream"),
        ("accept-ranges", "bytes"),
        ("x-ms-resource-type", "file"),
        ("x-ms-owner", "$superuser"),
        ("x-ms-group", "$superuser"),
        ("x-ms-lease-state", "available"),
        ("x-ms-lease-status", "unlocked"),
        ("x-ms-server-encrypted", "true"),
        ("x-ms-meta-hdi_isfolder", ""),
    ] {
        assert_eq!(file.header(name), value, "{name}");
    }
    assert!(!file.header("x-ms-permissions").is_empty());
    for query in ["", "action=getStatus", "action=getAccessControl&upn=false"] {
        let directory = service.ask("HEAD", "one/dir", query, &[]).await;
        assert_eq!(directory.status, 200);
        assert_eq!(directory.header("x-ms-resource-type"), "directory");
        assert_eq!(directory.header("x-ms-meta-hdi_isfolder"), "true");
        assert_eq!(directory.header("content-length"), "0");
    }
    assert_eq!(service.ask("HEAD", "one/", "action=getStatus", &[]).await.status, 200);
}

#[tokio::test]
async fn parents_come_by_themselves_unless_a_file_is_in_the_way() {
    let service = lake().await;
    service.write("one/some/path/file1.txt", "x").await;
    assert_eq!(service.names("one", "recursive=true").await, ["some", "some/path", "some/path/file1.txt"]);
    let below_file = service.ask("PUT", "one/some/path/file1.txt/deep/x", "resource=file", &[]).await;
    assert_eq!(below_file.outcome(), (409, "PathConflict"));
    assert_eq!(service.names("one", "recursive=true").await.len(), 3);
    let on_directory = service.ask("PUT", "one/some", "resource=file", &[]).await;
    assert_eq!(on_directory.outcome(), (409, "PathConflict"));
    let on_file = service.ask("PUT", "one/some/path/file1.txt", "resource=directory", &[]).await;
    assert_eq!(on_file.outcome(), (409, "PathConflict"));
}

#[tokio::test]
async fn directories_go_with_their_content_only_when_told() {
    let service = lake().await;
    service.write("one/dir/sub/a", "x").await;
    service.write("one/dir2", "x").await;
    let refused = service.ask("DELETE", "one/dir", "", &[]).await;
    assert_eq!(refused.outcome(), (409, "DirectoryNotEmpty"));
    assert_eq!(service.ask("DELETE", "one/dir", "recursive=false", &[]).await.status, 409);
    assert_eq!(service.ask("DELETE", "one/dir", "recursive=true", &[]).await.status, 200);
    assert_eq!(service.names("one", "recursive=true").await, ["dir2"]);
    service.ask("PUT", "one/empty", "resource=directory", &[]).await;
    assert_eq!(service.ask("DELETE", "one/empty", "", &[]).await.status, 200);
    assert_eq!(
        service.ask("DELETE", "one/empty", "recursive=true", &[]).await.outcome(),
        (404, "PathNotFound")
    );
}

#[tokio::test]
async fn a_directory_that_is_there_keeps_its_content() {
    let service = lake().await;
    service.write("one/dir/a", "x").await;
    assert_eq!(service.ask("PUT", "one/dir", "resource=directory", &[]).await.status, 201);
    assert_eq!(service.read("one/dir/a").await, "x");
}

#[tokio::test]
async fn filesystems_come_and_go_by_both_apis() {
    let service = lake().await;
    for (form, code) in [("resource=filesystem", "Filesystem"), ("restype=container", "Container")] {
        let created = service.ask("PUT", "new", form, &[]).await;
        assert_eq!((created.status, created.header("x-ms-namespace-enabled")), (201, "true"));
        assert!(!created.etag().is_empty() && !created.header("last-modified").is_empty());
        let again = service.ask("PUT", "new", form, &[]).await;
        assert_eq!(again.outcome(), (409, format!("{code}AlreadyExists").as_str()));
        let head = service.ask("HEAD", "new", form, &[]).await;
        assert_eq!((head.status, head.etag()), (200, created.etag()));
        assert_eq!(head.header("x-ms-namespace-enabled"), "true");
        service.write("new/a", "x").await;
        assert_eq!(service.ask("DELETE", "new", form, &[]).await.status, 202);
        assert_eq!(
            service.ask("HEAD", "new", form, &[]).await.outcome(),
            (404, format!("{code}NotFound").as_str())
        );
        assert_eq!(service.ask("DELETE", "new", form, &[]).await.status, 404);
    }
    assert_eq!(service.ask("GET", "one", "restype=container", &[]).await.status, 200);
    assert_eq!(
        service.ask("PUT", "Not_a_name", "resource=filesystem", &[]).await.outcome(),
        (400, "InvalidResourceName")
    );
    assert_eq!(
        service.ask("PUT", "none/a", "resource=file", &[]).await.outcome(),
        (404, "FilesystemNotFound")
    );
    let url = format!("{}/{ACCOUNT}?resource=account", service.emulator.url());
    let all = service.get(&url).await;
    let names: Vec<_> =
        all["filesystems"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["one", "two"]);
}

#[tokio::test]
async fn odd_names_stay_what_they_are() {
    let service = lake().await;
    for name in ["a b c!@#$%^&*(?<>,.;:'\"[]{}|~", "`back\\slash)", "def测试", "100% + 1.txt", "%41", "ü=&"]
    {
        let path = format!("one/odd/{name}");
        service.write(&path, name).await;
        assert_eq!(service.read(&path).await, name);
        assert_eq!(service.names("one", "directory=odd&recursive=true").await, [format!("odd/{name}")]);
        let moved = format!("two/{name}");
        assert_eq!(service.rename(&path, &moved, &[]).await.status, 201, "{name}");
        assert_eq!(service.read(&moved).await, name);
        assert_eq!(service.ask("DELETE", &moved, "", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn paths_have_a_longest_length_and_empty_names_vanish() {
    let service = lake().await;
    let long = format!("one/{}", "x/".repeat(512) + "y");
    assert_eq!(service.ask("PUT", &long, "resource=file", &[]).await.outcome(), (400, "InvalidUri"));
    service.write("one//dir///a", "x").await;
    assert_eq!(service.read("one/dir/a").await, "x");
}

#[tokio::test]
async fn properties_and_content_headers_come_back() {
    let service = lake().await;
    let headers = [("x-ms-properties", "k=djE=,l=Mg=="), ("x-ms-content-type", "application/jsonl")];
    service.ask("PUT", "one/a", "resource=file", &headers).await;
    let head = service.head("one/a").await;
    assert_eq!(head.header("x-ms-properties"), "k=djE=,l=Mg==");
    assert_eq!((head.header("x-ms-meta-k"), head.header("content-type")), ("v1", "application/jsonl"));
    let set = service.ask("PATCH", "one/a", "action=setProperties", &[("x-ms-properties", "m=Mw==")]).await;
    assert_eq!(set.status, 200);
    assert_ne!(set.etag(), head.etag());
    assert_eq!(service.head("one/a").await.header("x-ms-properties"), "m=Mw==");
    assert_eq!(service.ask("PATCH", "one/a", "action=setAccessControl", &[]).await.status, 200);
    assert_eq!(service.ask("PATCH", "one/none", "action=setAccessControl", &[]).await.status, 404);
    assert_eq!(service.ask("PATCH", "one/a", "action=dance", &[]).await.status, 400);
}

#[tokio::test]
async fn an_account_without_directories_says_so() {
    let mut config = with_filesystems(&["one"]);
    config.lake.accounts[0].hierarchical_namespace = false;
    let service = start(config).await;
    let head = service.ask("HEAD", "one", "resource=filesystem", &[]).await;
    assert_eq!((head.status, head.header("x-ms-namespace-enabled")), (200, "false"));
    for (method, path, query) in
        [("PUT", "one/a", "resource=file"), ("GET", "one", "resource=filesystem&recursive=true")]
    {
        let refused = service.ask(method, path, query, &[]).await;
        assert_eq!(refused.outcome(), (409, "EndpointUnsupportedAccountFeatures"));
    }
}

#[tokio::test]
async fn a_large_append_is_streamed() {
    const PIECES: usize = 64;
    const PIECE: usize = 1024 * 1024;
    let service = lake().await;
    service.ask("PUT", "one/big", "resource=file", &[]).await;
    let pieces =
        (0..PIECES).map(|number| Ok::<_, std::io::Error>(vec![u8::try_from(number).unwrap(); PIECE]));
    let request = service.lake_request(Method::PATCH, "one/big", "action=append&position=0");
    let sent = request.body(Body::wrap_stream(stream::iter(pieces))).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let size = PIECES * PIECE;
    assert_eq!(service.flush("one/big", size + 1).await.outcome(), (400, "InvalidFlushPosition"));
    assert_eq!(service.flush("one/big", size).await.status, 200);
    let mut answer = service.lake_request(Method::GET, "one/big", "").send().await.unwrap();
    let mut read = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        for byte in chunk {
            assert_eq!(usize::from(byte), read / PIECE);
            read += 1;
        }
    }
    assert_eq!(read, size);
    let entries = service.emulator.control().lake_entries(ACCOUNT, "one").await.unwrap();
    assert_eq!(entries[0].bytes, size as u64);
}

#[tokio::test]
async fn a_download_outlives_an_overwrite() {
    let service = lake().await;
    let long = "x".repeat(4_000_000);
    service.write("one/a", &long).await;
    let open = service.lake_request(Method::GET, "one/a", "").send().await.unwrap();
    service.write("one/a", "new").await;
    assert_eq!(Answer::of(open).await.text.len(), long.len());
    assert_eq!(service.read("one/a").await, "new");
}

#[tokio::test]
async fn control_looks_writes_and_deletes() {
    let service = lake().await;
    let control = service.emulator.control();
    control.lake_put(ACCOUNT, "new", "in/a.txt", b"abc".to_vec()).await.unwrap();
    let entries = control.lake_entries(ACCOUNT, "new").await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>(), ["in", "in/a.txt"]);
    assert_eq!((entries[1].bytes, entries[0].directory), (3, true));
    assert_eq!(entries[1].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let base = format!("{}/_emulator/lake/{ACCOUNT}/new", service.emulator.url());
    let put = service.http.put(format!("{base}/in/b%20c.txt")).body("xyz").send().await.unwrap();
    assert_eq!(put.status(), 200);
    assert_eq!(service.read("new/in/b c.txt").await, "xyz");
    assert_eq!(service.get(&base).await[2]["path"], "in/b c.txt");
    assert_eq!(service.http.delete(&base).send().await.unwrap().status(), 200);
    assert_eq!(service.http.get(&base).send().await.unwrap().status(), 404);
    assert!(control.lake_delete_filesystem(ACCOUNT, "new").is_err());
}
