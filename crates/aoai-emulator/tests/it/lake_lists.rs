//! Lists.

use crate::lake_support::{Answer, lake, names};

/// All pages of a list.
async fn pages(service: &crate::support::Service, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let mut query = format!("resource=filesystem&{query}");
        if !token.is_empty() {
            let encoded = token.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
            query = format!("{query}&continuation={encoded}");
        }
        let answer: Answer = service.ask("GET", "one", &query, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        pages.push(names(&answer));
        answer.header("x-ms-continuation").clone_into(&mut token);
        if token.is_empty() {
            return pages;
        }
    }
}

#[tokio::test]
async fn entries_look_as_documented() {
    let service = lake().await;
    let etag = service.write("one/dir/a.txt", "abc").await;
    let list = service.ask("GET", "one", "resource=filesystem&recursive=true", &[]).await;
    assert!(list.text.ends_with("}\n"), "{:?}", list.text);
    assert_eq!(list.header("content-type"), "application/json;charset=utf-8");
    assert_eq!(list.header("x-ms-continuation"), "");
    let paths = list.json();
    let (directory, file) = (&paths["paths"][0], &paths["paths"][1]);
    assert_eq!(directory["isDirectory"], "true");
    assert!(file.get("isDirectory").is_none());
    assert_eq!(file["contentLength"], "3");
    assert_eq!(file["etag"], etag.trim_matches('"'));
    assert_eq!(file["lastModified"], "Fri, 15 Jan 2027 08:00:00 GMT");
    assert_eq!(file["expiryTime"], "0");
    assert_eq!(file["creationTime"], "134444736000000000");
    for key in ["owner", "group", "permissions"] {
        assert!(file[key].is_string(), "{key}");
    }
}

#[tokio::test]
async fn order_is_depth_first_and_pages_join() {
    let service = lake().await;
    for path in ["one/b", "one/a/z", "one/a/b/c", "one/a!", "one/a0", "one/a b"] {
        service.write(path, "x").await;
    }
    let deep = ["a", "a/b", "a/b/c", "a/z", "a b", "a!", "a0", "b"];
    assert_eq!(service.names("one", "recursive=true").await, deep);
    assert_eq!(service.names("one", "recursive=false").await, ["a", "a b", "a!", "a0", "b"]);
    assert_eq!(service.names("one", "recursive=false&directory=a").await, ["a/b", "a/z"]);
    assert_eq!(service.names("one", "recursive=true&directory=%2F").await, deep);
    assert_eq!(service.names("one", "recursive=true&directory=%2Fa%2F").await, ["a/b", "a/b/c", "a/z"]);
    for most in 1..10 {
        let deep_pages = pages(&service, &format!("recursive=true&maxResults={most}")).await;
        assert!(deep_pages.iter().all(|page| page.len() <= most));
        assert_eq!(deep_pages.len(), deep.len().div_ceil(most));
        assert_eq!(deep_pages.concat(), deep);
        let flat = pages(&service, &format!("recursive=false&maxResults={most}")).await;
        assert_eq!(flat.concat(), ["a", "a b", "a!", "a0", "b"]);
    }
}

#[tokio::test]
async fn pages_do_not_shift_when_the_tree_changes() {
    let service = lake().await;
    for name in ["a", "b", "c", "d"] {
        service.write(&format!("one/{name}"), "x").await;
    }
    let query = "resource=filesystem&recursive=true&maxResults=2";
    let first = service.ask("GET", "one", query, &[]).await;
    assert_eq!(names(&first), ["a", "b"]);
    for gone in ["one/a", "one/b"] {
        service.ask("DELETE", gone, "", &[]).await;
    }
    let token = first.header("x-ms-continuation").replace('=', "%3D");
    let second = service.ask("GET", "one", &format!("{query}&continuation={token}"), &[]).await;
    assert_eq!(names(&second), ["c", "d"]);
}

#[tokio::test]
async fn pages_have_at_most_five_thousand() {
    let service = lake().await;
    for number in 0..5_001 {
        let created = service.ask("PUT", &format!("one/{number:05}"), "resource=directory", &[]).await;
        assert_eq!(created.status, 201);
    }
    for query in ["recursive=true", "recursive=true&maxResults=9999"] {
        let found: Vec<usize> = pages(&service, query).await.iter().map(Vec::len).collect();
        assert_eq!(found, [5_000, 1], "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_listed_is_an_error() {
    let service = lake().await;
    service.write("one/a", "x").await;
    let outcome = async |path: &str, query: &str| {
        let answer = service.ask("GET", path, &format!("resource=filesystem&{query}"), &[]).await;
        (answer.status, answer.header("x-ms-error-code").to_owned())
    };
    assert_eq!(outcome("one", "recursive=true&directory=none").await, (404, "PathNotFound".into()));
    assert_eq!(outcome("none", "recursive=true").await, (404, "FilesystemNotFound".into()));
    assert_eq!(outcome("one", "recursive=true&directory=a").await, (409, "PathConflict".into()));
    assert_eq!(outcome("one", "directory=a").await, (400, "MissingRequiredQueryParameter".into()));
    for bad in ["maxResults=0", "maxResults=x", "continuation=%2A"] {
        let query = format!("recursive=true&{bad}");
        assert_eq!(outcome("one", &query).await, (400, "InvalidQueryParameterValue".into()), "{bad}");
    }
    assert!(service.names("two", "recursive=true").await.is_empty());
}
