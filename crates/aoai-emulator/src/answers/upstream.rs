//! One line to the upstream and back.

use std::time::Duration;

use reqwest::{Client, Response, header::RETRY_AFTER};
use serde_json::{Value, json};

use crate::config::UpstreamConfig;

/// What a line's request ended in.
#[derive(Debug)]
pub(crate) enum Reply {
    Success(Value),
    Failure { status: u16, body: Value },
}

/// Sends a body, again after 429, 5xx and failed connections, until an answer stands.
pub(crate) async fn ask(client: &Client, config: &UpstreamConfig, url: &str, mut body: Value) -> Reply {
    if let Some(model) = &config.model {
        body["model"] = model.as_str().into();
    }
    let target = format!("{}{url}", config.url.trim_end_matches('/'));
    let mut attempt = 0;
    loop {
        let mut request = client.post(&target).timeout(Duration::from_secs(config.timeout_s)).json(&body);
        if let Some(key) = &config.key {
            request = request.bearer_auth(key.expose());
        }
        let (reply, wait) = match request.send().await {
            Ok(response) => understand(response).await,
            Err(error) => (unreachable(&error.without_url()), None),
        };
        let again = match &reply {
            Reply::Success(_) => false,
            Reply::Failure { status, .. } => *status == 429 || *status >= 500,
        };
        if !again || attempt >= config.retries {
            return reply;
        }
        let backoff = Duration::from_millis(config.backoff_ms.saturating_mul(1 << attempt.min(10)));
        tokio::time::sleep(wait.unwrap_or(backoff)).await;
        attempt += 1;
    }
}

/// The reply, and how long the upstream asks to wait.
async fn understand(response: Response) -> (Reply, Option<Duration>) {
    let status = response.status();
    let header = |name| response.headers().get(name)?.to_str().ok()?.parse::<f64>().ok();
    let wait = header("retry-after-ms")
        .map(|millis| millis / 1000.0)
        .or_else(|| header(RETRY_AFTER.as_str()))
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let text = match response.text().await {
        Ok(text) => text,
        Err(error) => return (unreachable(&error.without_url()), wait),
    };
    let parsed = serde_json::from_str(&text);
    let reply = match parsed {
        Ok(body) if status.is_success() => Reply::Success(body),
        Ok(body) => Reply::Failure { status: status.as_u16(), body },
        Err(_) if status.is_success() => {
            failure(502, "upstream_not_json", "the upstream's answer is not JSON")
        }
        Err(_) => failure(status.as_u16(), "upstream_error", &text.chars().take(500).collect::<String>()),
    };
    (reply, wait)
}

fn unreachable(error: &reqwest::Error) -> Reply {
    failure(502, "upstream_unreachable", &error.to_string())
}

fn failure(status: u16, code: &str, message: &str) -> Reply {
    Reply::Failure { status, body: json!({"error": {"code": code, "message": message}}) }
}
