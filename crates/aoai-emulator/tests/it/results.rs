//! Result files: variants of the wire format, and lines that do not simply succeed.

use aoai_emulator::{EmulatorConfig, ErrorLineShape, Outcome, OutcomeRule, ResultIds};
use serde_json::{Value, json};

use crate::support::{frozen, ids, lines, sorted, start};

fn rule(part: &str, outcome: Outcome) -> OutcomeRule {
    OutcomeRule { fraction: None, custom_id_contains: Some(part.to_owned()), times: None, outcome }
}

fn filtered() -> Outcome {
    Outcome::Error { status: 400, code: "content_filter".to_owned(), message: Some("no".to_owned()) }
}

/// The finished batch, its output and its errors.
async fn run(config: EmulatorConfig, count: usize) -> (Value, Vec<Value>, Vec<Value>) {
    let service = start(config).await;
    let id = service.submit(lines(count)).await;
    service.advance(3_600);
    let batch = service.batch(&id).await;
    let mut read = Vec::new();
    for key in ["output_file_id", "error_file_id"] {
        read.push(match batch[key].as_str() {
            None | Some("") => Vec::new(),
            Some(_) => service.content(&batch[key]).await,
        });
    }
    let errors = read.pop().unwrap();
    (batch, read.pop().unwrap(), errors)
}

#[tokio::test]
async fn absent_results_are_null_or_empty_or_an_empty_file() {
    for (style, expected) in [(ResultIds::Null, json!(null)), (ResultIds::Empty, json!(""))] {
        let mut config = frozen();
        config.wire.result_ids = style;
        let (batch, output, _) = run(config, 2).await;
        assert_eq!((&batch["error_file_id"], output.len()), (&expected, 2));
    }
    let mut config = frozen();
    config.wire.result_ids = ResultIds::EmptyErrorFile;
    let (batch, _, errors) = run(config, 2).await;
    assert!(batch["error_file_id"].as_str().unwrap().starts_with("file-"));
    assert!(errors.is_empty());
}

#[tokio::test]
async fn a_batch_without_any_success_has_no_output_file() {
    let config = EmulatorConfig { outcomes: vec![rule("line-", filtered())], ..frozen() };
    let (batch, _, errors) = run(config, 3).await;
    assert_eq!((&batch["status"], &batch["output_file_id"]), (&json!("completed"), &Value::Null));
    assert_eq!((&batch["request_counts"]["failed"], errors.len()), (&json!(3), 3));
}

#[tokio::test]
async fn failed_lines_come_in_either_shape() {
    let outcomes = vec![rule("line-1", filtered())];
    let (batch, output, errors) = run(EmulatorConfig { outcomes: outcomes.clone(), ..frozen() }, 3).await;
    assert_eq!(batch["request_counts"], json!({"total": 3, "completed": 2, "failed": 1}));
    assert_eq!(sorted(ids(&output)), ["line-0", "line-2"]);
    let response = &errors[0]["response"];
    assert_eq!((&errors[0]["custom_id"], &errors[0]["error"]), (&json!("line-1"), &Value::Null));
    assert_eq!(response["status_code"], 400);
    assert_eq!(response["body"]["error"], json!({"code": "content_filter", "message": "no"}));

    let mut config = EmulatorConfig { outcomes, ..frozen() };
    config.wire.error_lines = ErrorLineShape::Error;
    let (_, _, errors) = run(config, 3).await;
    assert_eq!(errors[0]["error"], json!({"code": "content_filter", "message": "no"}));
    assert!(errors[0]["response"].is_null() && errors[0]["id"].is_string());
}

#[tokio::test]
async fn lines_may_be_missing_twice_or_without_status() {
    let outcomes = vec![
        rule("line-0", Outcome::Missing),
        rule("line-1", Outcome::Duplicate),
        rule("line-2", Outcome::StatusZero),
    ];
    let (batch, output, errors) = run(EmulatorConfig { outcomes, ..frozen() }, 4).await;
    assert_eq!(batch["request_counts"], json!({"total": 4, "completed": 3, "failed": 0}));
    assert_eq!(sorted(ids(&output)), ["line-1", "line-1", "line-2", "line-3"]);
    assert!(errors.is_empty());
    let zero = output.iter().find(|row| row["custom_id"] == "line-2").unwrap();
    assert_eq!(zero["response"]["status_code"], 0);
}

#[tokio::test]
async fn statuses_and_dates_may_look_as_captured_elsewhere() {
    let mut config = frozen();
    config.wire.capitalised_statuses = true;
    config.wire.iso_dates = true;
    let service = start(config).await;
    let id = service.submit(lines(1)).await;
    let batch = service.batch(&id).await;
    assert_eq!(batch["status"], "Validating");
    assert_eq!(batch["created_at"], "2027-01-15T08:00:01+00:00");
}

#[tokio::test]
async fn the_books_find_what_was_paid_twice_and_only_that() {
    let outcomes = vec![OutcomeRule { times: Some(1), ..rule("line-1", filtered()) }];
    let service = start(EmulatorConfig { outcomes, ..frozen() }).await;
    service.submit(lines(2)).await;
    service.advance(3_600);
    let control = service.emulator.control();
    let books = control.books().await;
    assert_eq!((books.billed_total, books.paid_twice.len(), books.lines_paid_twice.len()), (1, 0, 0));
    // The failed line again, alone: nothing is paid twice. Then the whole file again: line-0 is.
    service.submit(lines(2).lines().nth(1).unwrap()).await;
    service.advance(3_600);
    assert_eq!(control.books().await.billed_total, 2);
    assert!(control.books().await.lines_paid_twice.is_empty());
    service.submit(lines(2)).await;
    service.advance(3_600);
    let books = control.books().await;
    assert_eq!(
        books.paid_twice.iter().map(|paid| (paid.custom_id.as_str(), paid.times)).collect::<Vec<_>>(),
        [("line-0", 2)]
    );
    assert_eq!(books.lines_paid_twice.len(), 2, "line-1 was paid out of two different files");
    assert_eq!(books.batches.iter().map(|batch| batch.billed).collect::<Vec<_>>(), [1, 1, 2]);
}
