//! Enqueued tokens and numbers of files.

use aoai_emulator::{EmulatorConfig, QuotaConfig, QuotaMode};
use reqwest::multipart::{Form, Part};
use serde_json::json;

use crate::support::{frozen, lines, start, value};

fn limited(mode: QuotaMode) -> EmulatorConfig {
    // One batch of ten lines has about 200 tokens.
    let quota = QuotaConfig { max_enqueued_tokens: Some(300), mode, headers: true, ..QuotaConfig::default() };
    EmulatorConfig { quota, ..frozen() }
}

#[tokio::test]
async fn over_the_token_quota_a_create_is_refused_until_the_first_batch_ends() {
    let service = start(limited(QuotaMode::FailFast)).await;
    let first = service.submit(lines(10)).await;
    let enqueued = service.emulator.control().enqueued_tokens("dep");
    assert!((150..300).contains(&enqueued), "{enqueued}");
    let input = service.upload(lines(10)).await;
    let refused = service.create_raw(&input).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("token_limit_exceeded"));
    service.advance(3_600);
    assert_eq!(service.batch(&first).await["status"], "completed");
    assert_eq!(service.emulator.control().enqueued_tokens("dep"), 0);
    let accepted = service.create_raw(&input).await;
    assert_eq!(accepted.status(), 200);
    let header = |name: &str| accepted.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("deployment-enqueued-tokens"), enqueued.to_string());
    assert_eq!(header("deployment-maximum-enqueued-tokens"), "300");
}

#[tokio::test]
async fn over_the_token_quota_a_batch_fails_in_validation() {
    let service = start(limited(QuotaMode::FailLater)).await;
    service.submit(lines(10)).await;
    let second = service.submit(lines(10)).await;
    assert_eq!(service.batch(&second).await["status"], "validating");
    service.advance(1);
    assert_eq!(service.batch(&second).await["status"], "failed");
    let error = &service.batch(&second).await["errors"]["data"][0];
    assert_eq!(
        (&error["code"], &error["line"], &error["param"]),
        (&json!("token_limit_exceeded"), &json!(null), &json!(null))
    );
    assert!(error["message"].as_str().unwrap().contains("configured limit of 300 for the deployment 'dep'"));
}

#[tokio::test]
async fn a_cancelled_batch_gives_its_tokens_back() {
    let service = start(limited(QuotaMode::FailFast)).await;
    let first = service.submit(lines(10)).await;
    service.http.post(service.v1(&format!("batches/{first}/cancel"))).send().await.unwrap();
    assert_ne!(service.emulator.control().enqueued_tokens("dep"), 0);
    service.advance(60);
    assert_eq!(service.emulator.control().enqueued_tokens("dep"), 0);
}

#[tokio::test]
async fn the_number_of_files_is_limited_by_kind() {
    let mut config = frozen();
    (config.files.max_without_expiry, config.files.max_with_expiry) = (2, 1);
    let service = start(config).await;
    let upload = async |expiry: Option<&str>| {
        let part = Part::text(lines(1)).file_name("in.jsonl").mime_str("application/json").unwrap();
        let mut form = Form::new().text("purpose", "batch").part("file", part);
        if let Some(seconds) = expiry {
            form = form
                .text("expires_after[seconds]", seconds.to_owned())
                .text("expires_after[anchor]", "created_at");
        }
        service.http.post(service.v1("files")).multipart(form).send().await.unwrap()
    };
    assert_eq!(upload(None).await.status(), 200);
    assert_eq!(upload(None).await.status(), 200);
    let refused = upload(None).await;
    assert_eq!(refused.status(), 400);
    let error = value(refused).await["error"].take();
    assert_eq!(error["code"], "quotaExceeded");
    assert_eq!(error["message"], "The quota for files without expiry is reached. The maximum is 2.");
    assert_eq!(upload(Some("3600")).await.status(), 200);
    assert_eq!(upload(Some("3600")).await.status(), 400);
    service.advance(3_601);
    assert_eq!(upload(Some("3600")).await.status(), 200, "an expired file is gone");
    // Five hundred is the default, as documented.
    assert_eq!(EmulatorConfig::default().files.max_without_expiry, 500);
}
