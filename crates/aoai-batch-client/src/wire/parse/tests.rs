use super::*;

fn batch(text: &str) -> Batch {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_captured_batch_of_the_documentation_is_read() {
    let batch = batch(
        r#"{"id":"batch_1","object":"batch","endpoint":"/chat/completions","model":null,"errors":null,
            "input_file_id":"file-1","completion_window":"24h","status":"Validating","output_file_id":"",
            "error_file_id":null,"created_at":"2024-07-19T17:13:57.2491382+00:00","in_progress_at":null,
            "expires_at":1722562983,"request_counts":{"total":null,"completed":null,"failed":0},"usage":null,
            "metadata":null,"input_blob":"","output_blob":"","error_blob":"","brand_new":{"x":[1]}}"#,
    );
    assert_eq!(batch.status, BatchStatus::Validating);
    assert_eq!((batch.output_file_id, batch.error_file_id, batch.output_blob), (None, None, None));
    assert_eq!(batch.created_at, Some(1_721_409_237));
    assert_eq!(batch.request_counts, RequestCounts::default());
}

#[test]
fn only_the_id_is_required() {
    assert_eq!(batch(r#"{"id":"b"}"#).status, BatchStatus::Unknown(String::new()));
    assert!(serde_json::from_str::<Batch>(r#"{"status":"completed"}"#).is_err());
    assert!(serde_json::from_str::<FileObject>(r#"{"id":""}"#).is_err());
}

#[test]
fn errors_come_as_list_as_object_or_not_at_all() {
    for errors in [
        r#"{"object":"list","data":[{"code":"invalid_json_line","message":"m","line":"3","param":null}]}"#,
        r#"{"data":{"code":"invalid_json_line","message":"m","line":3}}"#,
        r#"[{"code":"invalid_json_line","message":"m","line":3}]"#,
    ] {
        let errors = batch(&format!(r#"{{"id":"b","errors":{errors}}}"#)).errors;
        assert_eq!(errors.len(), 1);
        assert_eq!((errors[0].code.as_deref(), errors[0].line), (Some("invalid_json_line"), Some(3)));
    }
    assert!(batch(r#"{"id":"b","errors":{"object":"list","data":null}}"#).errors.is_empty());
}

#[test]
fn what_was_written_is_read_back() {
    let batch = batch(
        r#"{"id":"b","status":"cancelled","input_file_id":"f","output_file_id":"o","created_at":5,
            "cancelled_at":9,"request_counts":{"total":3,"completed":2,"failed":1},"metadata":{"k":"v"},
            "usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":7},
            "errors":{"data":[{"code":"c","message":"m","line":null,"param":"p"}]}}"#,
    );
    assert_eq!(batch.ended_at, Some(9));
    assert_eq!(batch.usage, Some(BatchUsage { input_tokens: 10, cached_tokens: 4, output_tokens: 7 }));
    let text = serde_json::to_string(&batch).unwrap();
    assert_eq!(serde_json::from_str::<Batch>(&text).unwrap(), batch);
}

#[test]
fn errors_of_service_gateway_and_proxy_are_understood() {
    let parsed = |text: &str| parse_error_body(text.as_bytes());
    let service = parsed(r#"{"error":{"code":"quotaExceeded","message":"full"}}"#);
    assert_eq!(service, (Some("quotaExceeded".into()), "full".into()));
    assert_eq!(parsed(r#"{"error":{"code":404,"message":"no"}}"#).0.as_deref(), Some("404"));
    assert_eq!(parsed(r#"{"error":"plain"}"#), (None, "plain".into()));
    assert_eq!(parsed("<html>\n <b>Bad  Gateway</b></html>").1, "<html> <b>Bad Gateway</b></html>");
}
