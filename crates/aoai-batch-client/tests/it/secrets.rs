//! Who we say we are, and to whom; what is never said.

use std::sync::Arc;

use aoai_batch_client::{
    Applied, BatchApi, BatchClient, BatchClientOptions, Credential, DEFAULT_SCOPE, ErrorKind, FileId,
    ImportFile,
};
use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    time::{Duration, OffsetDateTime},
};

use crate::support::{KEY, Reply, Server, file, options};

fn id() -> FileId {
    FileId("file-1".into())
}

fn with(server: &Server, credential: Credential) -> BatchClient {
    BatchClient::new(&format!("http://{}", server.address), credential, options()).unwrap()
}

#[derive(Debug)]
enum Fake {
    Token,
    Refuses,
    Hangs,
}

#[async_trait]
impl TokenCredential for Fake {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        match self {
            Self::Token => {
                let expires = OffsetDateTime::now_utc() + Duration::hours(1);
                Ok(AccessToken::new(format!("token for {}", scopes.join(" ")), expires))
            }
            Self::Refuses => {
                Err(azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, "no az login"))
            }
            Self::Hangs => std::future::pending().await,
        }
    }
}

fn token(fake: Fake) -> Credential {
    Credential::Token { credential: Arc::new(fake), scope: DEFAULT_SCOPE.to_owned() }
}

#[tokio::test]
async fn every_credential_has_its_header() {
    let cases = [
        (Credential::ApiKey(KEY.into()), Some(KEY.to_owned()), None),
        (Credential::BearerKey(KEY.into()), None, Some(format!("Bearer {KEY}"))),
        (token(Fake::Token), None, Some(format!("Bearer token for {DEFAULT_SCOPE}"))),
    ];
    for (credential, key, bearer) in cases {
        let server = Server::new([Reply::new(200, file("f"))]).await;
        with(&server, credential).get_file(&id()).await.unwrap();
        let seen = &server.seen()[0];
        assert_eq!(seen.header("api-key"), key.as_deref());
        assert_eq!(seen.header("authorization"), bearer.as_deref());
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = Server::new([]).await;
    let error = with(&server, token(Fake::Refuses)).get_file(&id()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Unauthorized, Applied::No));
    assert!(error.message().contains("no az login"), "{error}");
    let error = with(&server, Credential::ApiKey("a\nb".into())).get_file(&id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(server.lines().len(), 0);
}

#[tokio::test]
async fn a_token_has_a_deadline_too() {
    let server = Server::new([]).await;
    let call_timeout = std::time::Duration::from_millis(50);
    let options = BatchClientOptions { call_timeout, ..options() };
    let client =
        BatchClient::new(&format!("http://{}", server.address), token(Fake::Hangs), options).unwrap();
    let error = client.get_file(&id()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied(), error.attempts()), (ErrorKind::Connection, Applied::No, 3));
}

#[test]
fn keys_travel_over_tls_or_stay_here() {
    let new = |endpoint: &str| {
        BatchClient::new(endpoint, Credential::ApiKey(KEY.into()), BatchClientOptions::default())
    };
    for endpoint in
        ["https://h", "http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:1", "http://localhost:1"]
    {
        assert!(new(endpoint).is_ok(), "{endpoint}");
    }
    for endpoint in [
        "http://h",
        "http://10.0.0.1",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "ftp://localhost",
        "localhost:80",
        "nonsense",
        "https://user:pass-w0rd@h",
        "https://pass-w0rd@h",
    ] {
        let error = new(endpoint).unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::Local, Applied::No), "{endpoint}");
        assert!(!format!("{error} {error:?}").contains("w0rd"), "{error:?}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::new([Reply::new(200, file("f"))]).await;
    for status in [301, 302, 307, 308] {
        let location = format!("http://{}/openai/v1/files/file-1?sig=s3cret", elsewhere.address);
        let server = Server::new([Reply::new(status, "").header("location", location)]).await;
        let error = server.client().get_file(&id()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Rejected, Some(status)));
        assert!(error.message().contains("redirect"), "{error}");
        assert_eq!((server.lines().len(), elsewhere.lines().len()), (1, 0));
    }
}

#[tokio::test]
async fn no_secret_is_shown() {
    let import =
        ImportFile { filename: "a.jsonl".into(), content_url: "https://h/a.jsonl?sv=1&sig=s3cret".into() };
    let quoting = format!(
        r#"{{"error":{{"code":"x","message":"could not read '{}': 403, why? see <{}>"}}}}"#,
        import.content_url, import.content_url
    );
    let server = Server::new([Reply::new(400, quoting)]).await;
    let credential = Credential::ApiKey(KEY.into());
    let shown = format!("{credential:?}");
    let client = with(&server, credential);
    let error = client.import_file(&import).await.unwrap_err();
    assert!(
        error
            .message()
            .ends_with("could not read 'https://h/a.jsonl?…': 403, why? see <https://h/a.jsonl?…>")
    );
    let shown = format!("{shown} {client:?} {error} {error:?} {import:?}");
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    for secret in [KEY, "s3cret", "sig="] {
        assert!(!shown.contains(secret) && !source.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_file_that_could_not_be_imported_does_not_show_where_from() {
    let failed =
        r#"{"id":"file-1","status":"error","status_details":"GET https://h/a.jsonl?sv=1&sig=s3cret: 403"}"#;
    let server = Server::new([Reply::new(200, failed)]).await;
    let file = server.client().get_file(&id()).await.unwrap();
    assert_eq!(file.status_details.as_deref(), Some("GET https://h/a.jsonl?… 403"));
}

/// Also runs in a process of its own, which has a proxy in its environment: see the next test.
#[tokio::test]
async fn behind_a_proxy() {
    let server = Server::new([Reply::new(200, file("f"))]).await;
    server.client().get_file(&id()).await.unwrap();
}

#[tokio::test]
async fn a_proxy_does_not_see_what_stays_here() {
    let proxy = Server::new([]).await;
    let status = tokio::task::spawn_blocking({
        let address = format!("http://{}", proxy.address);
        move || {
            std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "secrets::behind_a_proxy"])
                .env("HTTP_PROXY", &address)
                .env("http_proxy", &address)
                .env_remove("NO_PROXY")
                .env_remove("no_proxy")
                .output()
                .unwrap()
        }
    });
    let output = status.await.unwrap();
    assert_eq!(proxy.lines().len(), 0);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}
