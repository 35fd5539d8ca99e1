//! A plain client, written against the documentation and not against the emulator's types.

use std::time::Duration;

use aoai_emulator::{ClockConfig, Emulator, EmulatorConfig};
use reqwest::{
    Client, Response,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

pub(crate) const DATED: &str = "2025-04-01-preview";

pub(crate) struct Service {
    pub(crate) emulator: Emulator,
    pub(crate) http: Client,
}

/// A configuration whose time stands still until it is advanced.
pub(crate) fn frozen() -> EmulatorConfig {
    EmulatorConfig {
        clock: ClockConfig { speed: 0.0, start: Some(1_800_000_000) },
        ..EmulatorConfig::default()
    }
}

pub(crate) async fn start(config: EmulatorConfig) -> Service {
    Service {
        emulator: Emulator::start(config).await.unwrap(),
        http: Client::builder().no_proxy().build().unwrap(),
    }
}

/// A request line.
pub(crate) fn line(id: &str) -> String {
    let body = json!({"model": "dep", "messages": [{"role": "user", "content": format!("say {id}")}]});
    json!({"custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": body}).to_string()
}

/// So many lines, `line-0` and on.
pub(crate) fn lines(count: usize) -> String {
    (0..count).map(|number| line(&format!("line-{number}")) + "\n").collect()
}

impl Service {
    pub(crate) fn v1(&self, path: &str) -> String {
        format!("{}/openai/v1/{path}", self.emulator.url())
    }

    pub(crate) fn dated(&self, path: &str) -> String {
        let separator = if path.contains('?') { '&' } else { '?' };
        format!("{}/openai/{path}{separator}api-version={DATED}", self.emulator.url())
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.emulator.control().advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn send_file(&self, url: &str, name: &str, text: String) -> Response {
        let part = Part::text(text).file_name(name.to_owned()).mime_str("application/json").unwrap();
        self.http
            .post(url)
            .multipart(Form::new().text("purpose", "batch").part("file", part))
            .send()
            .await
            .unwrap()
    }

    /// Uploads and lets the processing time pass.
    pub(crate) async fn upload(&self, text: impl Into<String>) -> String {
        let response = self.send_file(&self.v1("files"), "in.jsonl", text.into()).await;
        assert_eq!(response.status(), 200);
        self.advance(1);
        value(response).await["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn create_raw(&self, input: &str) -> Response {
        let create =
            json!({"input_file_id": input, "endpoint": "/chat/completions", "completion_window": "24h"});
        self.http.post(self.v1("batches")).json(&create).send().await.unwrap()
    }

    /// Uploads and creates; the id of the batch.
    pub(crate) async fn submit(&self, text: impl Into<String>) -> String {
        let input = self.upload(text).await;
        let response = self.create_raw(&input).await;
        assert_eq!(response.status(), 200);
        value(response).await["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn batch(&self, id: &str) -> Value {
        self.get(&self.v1(&format!("batches/{id}"))).await
    }

    pub(crate) async fn get(&self, url: &str) -> Value {
        value(self.http.get(url).send().await.unwrap()).await
    }

    /// The lines of a result file.
    pub(crate) async fn content(&self, id: &Value) -> Vec<Value> {
        let url = self.v1(&format!("files/{}/content", id.as_str().expect("a file id")));
        let text = self.http.get(url).send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Polls in real time, for work that is not timed.
    pub(crate) async fn until(&self, id: &str, status: &str) -> Value {
        for _ in 0..400 {
            let batch = self.batch(id).await;
            if batch["status"] == status {
                return batch;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{id} never became {status}: {}", self.batch(id).await);
    }
}

pub(crate) async fn value(response: Response) -> Value {
    response.json().await.unwrap()
}

pub(crate) fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["custom_id"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

impl Service {
    /// Uploads a body as it is.
    pub(crate) async fn send_file_owned(&self, text: String) -> Response {
        self.send_file(&self.v1("files"), "in.jsonl", text).await
    }
}
