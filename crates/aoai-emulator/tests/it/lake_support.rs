//! A plain client of the storage half, which keeps no secrets: how requests are signed is tested elsewhere.

use aoai_emulator::{EmulatorConfig, LakeConfig};
use reqwest::{
    Method, RequestBuilder, Response, Url,
    header::{HeaderMap, HeaderValue},
};
use serde_json::Value;

use crate::support::{Service, frozen, start};

pub(crate) const ACCOUNT: &str = "devstoreaccount1";

pub(crate) fn with_filesystems(names: &[&str]) -> EmulatorConfig {
    EmulatorConfig {
        lake: LakeConfig {
            create_filesystems: names.iter().map(|name| (*name).to_owned()).collect(),
            require_auth: false,
            ..LakeConfig::default()
        },
        ..frozen()
    }
}

/// A service with the filesystems `one` and `two`.
pub(crate) async fn lake() -> Service {
    start(with_filesystems(&["one", "two"])).await
}

/// An answer whose headers outlive its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn etag(&self) -> String {
        self.header("etag").to_owned()
    }

    /// Status and code, to compare in one step.
    pub(crate) fn outcome(&self) -> (u16, &str) {
        (self.status, self.header("x-ms-error-code"))
    }
}

impl Service {
    /// The URL of a path that is not encoded.
    pub(crate) fn lake_url(&self, path: &str, query: &str) -> Url {
        let mut url = Url::parse(self.emulator.url()).unwrap();
        url.path_segments_mut().unwrap().push(ACCOUNT).extend(path.split('/'));
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        url
    }

    pub(crate) fn lake_request(&self, method: Method, path: &str, query: &str) -> RequestBuilder {
        self.http.request(method, self.lake_url(path, query))
    }

    /// Sends without a body, with these headers.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.lake_request(method, path, query);
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_str(value).unwrap());
        }
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn append(&self, path: &str, position: usize, bytes: &str, more: &str) -> Answer {
        let query = format!("action=append&position={position}{more}");
        let request = self.lake_request(Method::PATCH, path, &query).body(bytes.to_owned());
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn flush(&self, path: &str, position: usize) -> Answer {
        self.ask("PATCH", path, &format!("action=flush&position={position}&close=true"), &[]).await
    }

    /// Writes a file as an upload does; its tag with quotes.
    pub(crate) async fn write(&self, path: &str, text: &str) -> String {
        assert_eq!(self.ask("PUT", path, "resource=file", &[]).await.status, 201);
        assert_eq!(self.append(path, 0, text, "").await.status, 202);
        let flushed = self.flush(path, text.len()).await;
        assert_eq!(flushed.status, 200);
        flushed.etag()
    }

    pub(crate) async fn read(&self, path: &str) -> String {
        let answer = self.ask("GET", path, "", &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.ask("HEAD", path, "", &[]).await
    }

    /// `rename_from` is not encoded.
    pub(crate) async fn rename(&self, from: &str, to: &str, headers: &[(&str, &str)]) -> Answer {
        let encoded = self.lake_url(from, "");
        let source = encoded.path().strip_prefix(&format!("/{ACCOUNT}")).unwrap();
        let mut all = vec![("x-ms-rename-source", source)];
        all.extend(headers);
        self.ask("PUT", to, "mode=legacy", &all).await
    }

    /// The names in one filesystem, by one list request.
    pub(crate) async fn names(&self, filesystem: &str, query: &str) -> Vec<String> {
        let answer = self.ask("GET", filesystem, &format!("resource=filesystem&{query}"), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        names(&answer)
    }
}

pub(crate) fn names(answer: &Answer) -> Vec<String> {
    let list = answer.json();
    list["paths"].as_array().unwrap().iter().map(|path| path["name"].as_str().unwrap().to_owned()).collect()
}
