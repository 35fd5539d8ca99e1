//! Conditions, positions, ranges.

use crate::lake_support::lake;

#[tokio::test]
async fn creates_respect_what_is_there() {
    let service = lake().await;
    let new = [("if-none-match", "*")];
    assert_eq!(service.ask("PUT", "one/a", "resource=file", &new).await.status, 201);
    assert_eq!(
        service.ask("PUT", "one/a", "resource=file", &new).await.outcome(),
        (409, "PathAlreadyExists")
    );
    let etag = service.write("one/a", "old").await;
    let stale = [("if-match", "\"0x8D0\"")];
    assert_eq!(
        service.ask("PUT", "one/a", "resource=file", &stale).await.outcome(),
        (412, "ConditionNotMet")
    );
    assert_eq!(service.read("one/a").await, "old");
    let fresh = [("if-match", etag.as_str())];
    assert_eq!(service.ask("PUT", "one/a", "resource=file", &fresh).await.status, 201);
    assert_eq!(service.read("one/a").await, "");
    assert_eq!(
        service.ask("PUT", "one/b", "resource=file", &fresh).await.outcome(),
        (412, "ConditionNotMet")
    );
    assert_eq!(service.ask("PUT", "one/d", "resource=directory", &new).await.status, 201);
    assert_eq!(
        service.ask("PUT", "one/d", "resource=directory", &new).await.outcome(),
        (409, "PathAlreadyExists")
    );
}

#[tokio::test]
async fn reads_respect_tags_and_dates() {
    let service = lake().await;
    let etag = service.write("one/a", "abc").await;
    let get = async |headers: &[(&str, &str)]| service.ask("GET", "one/a", "", headers).await.status;
    assert_eq!(get(&[("if-match", &etag)]).await, 200);
    assert_eq!(get(&[("if-match", etag.trim_matches('"'))]).await, 200);
    assert_eq!(get(&[("if-match", "\"0x8D0\"")]).await, 412);
    assert_eq!(get(&[("if-none-match", &etag)]).await, 304);
    assert_eq!(get(&[("if-none-match", "\"0x8D0\"")]).await, 200);
    let (now, before) = ("Fri, 15 Jan 2027 08:00:00 GMT", "Fri, 15 Jan 2027 07:59:59 GMT");
    assert_eq!(get(&[("if-modified-since", now)]).await, 304);
    assert_eq!(get(&[("if-modified-since", before)]).await, 200);
    assert_eq!(get(&[("if-unmodified-since", now)]).await, 200);
    assert_eq!(get(&[("if-unmodified-since", before)]).await, 412);
    let head = service.ask("HEAD", "one/a", "", &[("if-match", "\"0x8D0\"")]).await;
    assert_eq!(head.outcome(), (412, "ConditionNotMet"));
}

#[tokio::test]
async fn deletes_and_flushes_respect_tags() {
    let service = lake().await;
    let etag = service.write("one/a", "abc").await;
    let stale = [("if-match", "\"0x8D0\"")];
    assert_eq!(service.ask("DELETE", "one/a", "", &stale).await.outcome(), (412, "ConditionNotMet"));
    service.append("one/a", 3, "def", "").await;
    let flush = "action=flush&position=6";
    assert_eq!(service.ask("PATCH", "one/a", flush, &stale).await.outcome(), (412, "ConditionNotMet"));
    assert_eq!(service.read("one/a").await, "abc");
    let fresh = [("if-match", etag.as_str())];
    let flushed = service.ask("PATCH", "one/a", flush, &fresh).await;
    assert_eq!((flushed.status, service.read("one/a").await.as_str()), (200, "abcdef"));
    assert_eq!(service.ask("DELETE", "one/a", "", &fresh).await.status, 412);
    assert_eq!(service.ask("DELETE", "one/a", "", &[("if-match", &flushed.etag())]).await.status, 200);
}

#[tokio::test]
async fn flushes_need_all_bytes_up_to_their_position() {
    let service = lake().await;
    service.ask("PUT", "one/a", "resource=file", &[]).await;
    service.append("one/a", 4, "5678", "").await;
    assert_eq!(service.flush("one/a", 8).await.outcome(), (400, "InvalidFlushPosition"));
    service.append("one/a", 0, "1234", "").await;
    assert_eq!(service.flush("one/a", 9).await.outcome(), (400, "InvalidFlushPosition"));
    assert_eq!(service.read("one/a").await, "");
    assert_eq!(service.flush("one/a", 8).await.status, 200);
    assert_eq!(service.read("one/a").await, "12345678");
    // Nothing new, and less than there is.
    assert_eq!(service.flush("one/a", 8).await.status, 200);
    assert_eq!(service.flush("one/a", 4).await.outcome(), (400, "InvalidFlushPosition"));
}

#[tokio::test]
async fn a_flush_keeps_what_is_behind_it_only_when_told() {
    let service = lake().await;
    service.ask("PUT", "one/a", "resource=file", &[]).await;
    service.append("one/a", 0, "12345678", "").await;
    let retain = "action=flush&position=3&retainUncommittedData=true";
    assert_eq!(service.ask("PATCH", "one/a", retain, &[]).await.status, 200);
    assert_eq!(service.read("one/a").await, "123");
    let forget = "action=flush&position=5&retainUncommittedData=false";
    assert_eq!(service.ask("PATCH", "one/a", forget, &[]).await.status, 200);
    assert_eq!(service.read("one/a").await, "12345");
    assert_eq!(service.flush("one/a", 8).await.outcome(), (400, "InvalidFlushPosition"));
}

#[tokio::test]
async fn what_is_committed_cannot_be_appended_over() {
    let service = lake().await;
    service.write("one/a", "abc").await;
    assert_eq!(service.append("one/a", 0, "XYZdef", "").await.status, 202);
    assert_eq!(service.read("one/a").await, "abc");
    assert_eq!(service.flush("one/a", 6).await.status, 200);
    assert_eq!(service.read("one/a").await, "abcdef");
}

#[tokio::test]
async fn a_repeated_append_counts_once() {
    let service = lake().await;
    service.ask("PUT", "one/a", "resource=file", &[]).await;
    service.append("one/a", 0, "abc", "").await;
    service.append("one/a", 0, "abc", "").await;
    assert_eq!(service.flush("one/a", 6).await.status, 400);
    assert_eq!(service.flush("one/a", 3).await.status, 200);
    assert_eq!(service.read("one/a").await, "abc");
}

#[tokio::test]
async fn overwriting_forgets_what_was_appended() {
    let service = lake().await;
    service.ask("PUT", "one/a", "resource=file", &[]).await;
    service.append("one/a", 0, "abc", "").await;
    service.ask("PUT", "one/a", "resource=file", &[]).await;
    assert_eq!(service.flush("one/a", 3).await.outcome(), (400, "InvalidFlushPosition"));
}

#[tokio::test]
async fn writes_to_what_is_not_there_fail() {
    let service = lake().await;
    assert_eq!(service.append("one/a", 0, "abc", "").await.outcome(), (404, "PathNotFound"));
    assert_eq!(service.flush("one/a", 0).await.outcome(), (404, "PathNotFound"));
    assert_eq!(service.ask("DELETE", "one/a", "", &[]).await.outcome(), (404, "PathNotFound"));
    service.ask("PUT", "one/d", "resource=directory", &[]).await;
    assert_eq!(service.append("one/d", 0, "abc", "").await.outcome(), (409, "PathConflict"));
    service.ask("PUT", "one/a", "resource=file", &[]).await;
    let nowhere = service.ask("PATCH", "one/a", "action=append", &[]).await;
    assert_eq!(nowhere.outcome(), (400, "MissingRequiredQueryParameter"));
    let odd = service.ask("PATCH", "one/a", "action=flush&position=-1", &[]).await;
    assert_eq!(odd.outcome(), (400, "InvalidQueryParameterValue"));
}

#[tokio::test]
async fn ranges_are_parts() {
    let service = lake().await;
    let etag = service.write("one/a", "0123456789").await;
    for (name, range, text, content_range) in [
        ("range", "bytes=2-4", "234", "bytes 2-4/10"),
        ("x-ms-range", "bytes=2-4", "234", "bytes 2-4/10"),
        ("range", "bytes=7-", "789", "bytes 7-9/10"),
        ("x-ms-range", "bytes=0-33554431", "0123456789", "bytes 0-9/10"),
    ] {
        let part = service.ask("GET", "one/a", "", &[(name, range), ("if-match", &etag)]).await;
        assert_eq!((part.status, part.text.as_str()), (206, text), "{range}");
        assert_eq!(part.header("content-range"), content_range);
        assert_eq!(part.header("content-length"), text.len().to_string());
        assert_eq!(part.etag(), etag);
    }
    let both = service.ask("GET", "one/a", "", &[("range", "bytes=0-0"), ("x-ms-range", "bytes=1-1")]).await;
    assert_eq!(both.text, "1");
    let beyond = service.ask("GET", "one/a", "", &[("range", "bytes=10-")]).await;
    assert_eq!(beyond.outcome(), (416, "InvalidRange"));
}

#[tokio::test]
async fn an_empty_file_has_no_ranges() {
    let service = lake().await;
    service.ask("PUT", "one/a", "resource=file", &[]).await;
    let range = [("x-ms-range", "bytes=0-33554431")];
    assert_eq!(service.ask("GET", "one/a", "", &range).await.outcome(), (416, "InvalidRange"));
    let whole = service.ask("GET", "one/a", "", &[]).await;
    assert_eq!((whole.status, whole.header("content-length")), (200, "0"));
}
