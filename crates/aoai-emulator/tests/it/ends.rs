//! Batches that end early: cancelled, expired, failed from outside.

use std::time::Duration;

use aoai_emulator::{CancelOfTerminal, EmulatorConfig, EmulatorError, ExpiryConfig, InUseDelete};
use serde_json::{Value, json};

use crate::support::{Service, frozen, ids, lines, start, value};

/// Validated after 10 s, worked off after 110 s.
fn slow() -> EmulatorConfig {
    let mut config = frozen();
    config.batches.validating = Duration::from_secs(10);
    config.batches.in_progress = Duration::from_secs(100);
    config.batches.cancelling = Duration::from_secs(60);
    config
}

async fn cancel(service: &Service, id: &str) -> reqwest::Response {
    service.http.post(service.v1(&format!("batches/{id}/cancel"))).send().await.unwrap()
}

#[tokio::test]
async fn a_cancelled_batch_keeps_and_bills_what_was_done() {
    let mut config = slow();
    config.wire.cancelled_line_code = Some("batch_cancelled".to_owned());
    let service = start(config).await;
    let id = service.submit(lines(10)).await;
    service.advance(10 + 40);
    let cancelling = value(cancel(&service, &id).await).await;
    assert_eq!(cancelling["status"], "cancelling");
    assert!(cancelling["cancelling_at"].is_i64());
    service.advance(59);
    assert_eq!(service.batch(&id).await["status"], "cancelling");
    service.advance(1);
    let batch = service.batch(&id).await;
    assert_eq!(batch["status"], "cancelled");
    assert_eq!(batch["request_counts"], json!({"total": 10, "completed": 4, "failed": 0}));
    let output = service.content(&batch["output_file_id"]).await;
    let errors = service.content(&batch["error_file_id"]).await;
    assert_eq!((output.len(), errors.len()), (4, 6));
    assert!(ids(&output).iter().all(|id| !ids(&errors).contains(id)));
    assert_eq!(errors[0]["error"]["code"], "batch_cancelled");
    assert_eq!(service.emulator.control().books().await.billed_total, 4);
}

#[tokio::test]
async fn a_cancel_while_validating_leaves_nothing() {
    let service = start(slow()).await;
    let id = service.submit(lines(3)).await;
    cancel(&service, &id).await;
    service.advance(600);
    let batch = service.batch(&id).await;
    assert_eq!((&batch["status"], &batch["output_file_id"]), (&json!("cancelled"), &Value::Null));
    assert_eq!(service.emulator.control().books().await.billed_total, 0);
}

#[tokio::test]
async fn cancelling_what_has_ended_answers_as_configured() {
    let behaviours =
        [(CancelOfTerminal::Conflict, 409), (CancelOfTerminal::BadRequest, 400), (CancelOfTerminal::Ok, 200)];
    for (behaviour, status) in behaviours {
        let mut config = slow();
        config.batches.cancel_of_terminal = behaviour;
        let service = start(config).await;
        let id = service.submit(lines(1)).await;
        service.advance(3_600);
        assert_eq!(cancel(&service, &id).await.status(), status);
        assert_eq!(service.batch(&id).await["status"], "completed");
    }
}

#[tokio::test]
async fn a_batch_may_expire_after_some_lines() {
    let mut config = slow();
    config.batches.expiry =
        Some(ExpiryConfig { after_lines: Some(3), times: Some(1), ..ExpiryConfig::default() });
    let service = start(config).await;
    let id = service.submit(lines(10)).await;
    service.advance(3_600);
    let batch = service.batch(&id).await;
    assert_eq!(batch["status"], "expired");
    assert!(batch["expired_at"].is_i64());
    let output = service.content(&batch["output_file_id"]).await;
    let errors = service.content(&batch["error_file_id"]).await;
    assert_eq!((output.len(), errors.len()), (3, 7));
    assert_eq!(
        (&errors[0]["error"]["code"], &errors[0]["response"]),
        (&json!("batch_expired"), &Value::Null)
    );
    let next = service.submit(lines(10)).await;
    service.advance(3_600);
    assert_eq!(service.batch(&next).await["status"], "completed", "the rule was for one batch");
}

#[tokio::test]
async fn each_third_batch_may_expire() {
    let mut config = slow();
    config.batches.expiry = Some(ExpiryConfig {
        after_lines: Some(1),
        every: Some(3),
        times: Some(2),
        ..ExpiryConfig::default()
    });
    let service = start(config).await;
    let mut ends = Vec::new();
    for _ in 0..9 {
        let id = service.submit(lines(2)).await;
        service.advance(3_600);
        ends.push(service.batch(&id).await["status"] == "expired");
    }
    assert_eq!(ends, [false, false, true, false, false, true, false, false, false]);
}

#[tokio::test]
async fn a_batch_may_expire_at_a_time() {
    let mut config = slow();
    config.batches.expiry =
        Some(ExpiryConfig { after: Some(Duration::from_secs(61)), ..ExpiryConfig::default() });
    let service = start(config).await;
    let id = service.submit(lines(10)).await;
    service.advance(60);
    assert_eq!(service.batch(&id).await["status"], "in_progress");
    service.advance(1);
    let batch = service.batch(&id).await;
    assert_eq!((&batch["status"], &batch["request_counts"]["completed"]), (&json!("expired"), &json!(5)));
}

#[tokio::test]
async fn somebody_else_may_interfere() {
    let service = start(slow()).await;
    let control = service.emulator.control();
    let [cancelled, expired, failed] =
        [service.submit(lines(4)).await, service.submit(lines(4)).await, service.submit(lines(4)).await];
    service.advance(60);
    control.cancel_batch(&cancelled).unwrap();
    control.expire_batch(&expired).unwrap();
    control.fail_batch(&failed, "input_modified", "changed").unwrap();
    service.advance(60);
    assert_eq!(service.batch(&cancelled).await["status"], "cancelled");
    assert_eq!(service.batch(&expired).await["status"], "expired");
    let failed_batch = service.batch(&failed).await;
    assert_eq!(
        (&failed_batch["status"], &failed_batch["errors"]["data"][0]["code"]),
        (&json!("failed"), &json!("input_modified"))
    );
    assert!(matches!(control.cancel_batch(&failed), Err(EmulatorError::NotFound(_))));
}

#[tokio::test]
async fn deleting_an_input_in_use_does_as_configured() {
    for (behaviour, answer, end) in [
        (InUseDelete::Allow, 200, "completed"),
        (InUseDelete::Refuse, 409, "completed"),
        (InUseDelete::FailBatch, 200, "failed"),
    ] {
        let mut config = slow();
        config.files.delete_in_use = behaviour;
        let service = start(config).await;
        let input = service.upload(lines(2)).await;
        let batch = value(service.create_raw(&input).await).await;
        let deleted = service.http.delete(service.v1(&format!("files/{input}"))).send().await.unwrap();
        assert_eq!(deleted.status(), answer, "{behaviour:?}");
        service.advance(3_600);
        assert_eq!(service.batch(batch["id"].as_str().unwrap()).await["status"], end, "{behaviour:?}");
    }
}
