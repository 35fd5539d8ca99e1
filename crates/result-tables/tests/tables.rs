//! What goes in comes out, in both formats.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, helpers included")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use result_tables::{FieldError, RequestField, TableError, TableFormat, TableWriter};
use serde_json::{Value, json};

type Cells = BTreeMap<String, String>;

fn fields(names: &[&str]) -> Vec<RequestField> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// Rows as a reader of CSV sees them; empty cells are left out.
fn csv(rows: &[(String, Option<String>)], names: &[&str]) -> Vec<Cells> {
    let mut table = TableWriter::new(TableFormat::Csv, fields(names), Vec::new()).unwrap();
    for (answer, request) in rows {
        table.write(answer.as_bytes(), request.as_deref().map(str::as_bytes)).unwrap();
    }
    let bytes = table.finish().unwrap();
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let header = reader.headers().unwrap().clone();
    reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            let cells = header.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
            cells.map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
        })
        .collect()
}

/// The same of Parquet, and how many row groups there are.
#[cfg(feature = "parquet")]
fn parquet(rows: &[(String, Option<String>)], names: &[&str]) -> (Vec<Cells>, usize) {
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::Field,
    };
    let mut table = TableWriter::new(TableFormat::Parquet, fields(names), Vec::new()).unwrap();
    for (answer, request) in rows {
        table.write(answer.as_bytes(), request.as_deref().map(str::as_bytes)).unwrap();
    }
    let reader = SerializedFileReader::new(bytes::Bytes::from(table.finish().unwrap())).unwrap();
    let cells = |row: parquet::record::Row| {
        let cells = row.get_column_iter().filter_map(|(name, field)| {
            let text = match field {
                Field::Str(text) => text.clone(),
                Field::Long(number) => number.to_string(),
                Field::Null => return None,
                other => panic!("{other:?}"),
            };
            (!text.is_empty()).then(|| (name.clone(), text))
        });
        cells.collect::<Cells>()
    };
    let groups = reader.num_row_groups();
    (reader.get_row_iter(None).unwrap().map(|row| cells(row.unwrap())).collect(), groups)
}

fn both(rows: &[(String, Option<String>)], names: &[&str]) -> Vec<Cells> {
    let found = csv(rows, names);
    #[cfg(feature = "parquet")]
    assert_eq!(parquet(rows, names).0, found);
    found
}

fn one(answer: &Value) -> Cells {
    both(&[(answer.to_string(), None)], &[]).remove(0)
}

fn cells(pairs: &[(&str, &str)]) -> Cells {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_chat_completion() {
    let found = one(&json!({"custom_id":"a","response":{"status_code":200,"request_id":"r-1","body":{
        "model":"gpt-4o","choices":[{"message":{"content":"one,\n\"two\"","refusal":null},"finish_reason":"stop"},
        {"message":{"content":"another"}}],
        "usage":{"prompt_tokens":12,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":8}}}},"error":null}));
    let expected = cells(&[
        ("custom_id", "a"),
        ("status", "200"),
        ("content", "one,\n\"two\""),
        ("finish_reason", "stop"),
        ("prompt_tokens", "12"),
        ("completion_tokens", "3"),
        ("cached_tokens", "8"),
        ("request_id", "r-1"),
        ("model", "gpt-4o"),
    ]);
    assert_eq!(found, expected);
}

#[test]
fn a_refusal_a_completion_a_response_and_an_embedding() {
    let body = |body: Value| one(&json!({"custom_id":"a","response":{"status_code":200,"body":body}}));
    let refused =
        body(json!({"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]}));
    assert_eq!((refused.get("content"), refused["refusal"].as_str()), (None, "no"));
    assert_eq!(body(json!({"choices":[{"text":"old","finish_reason":"length"}]}))["content"], "old");
    let response = body(json!({"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},
        "output":[{"type":"reasoning","summary":[]},{"type":"message","content":[
            {"type":"output_text","text":"one "},{"type":"output_text","text":"two"},{"type":"refusal","refusal":"x"}]}],
        "usage":{"input_tokens":5,"output_tokens":6,"input_tokens_details":{"cached_tokens":1}}}));
    let expected = cells(&[
        ("custom_id", "a"),
        ("status", "200"),
        ("content", "one two"),
        ("refusal", "x"),
        ("finish_reason", "max_output_tokens"),
        ("prompt_tokens", "5"),
        ("completion_tokens", "6"),
        ("cached_tokens", "1"),
    ]);
    assert_eq!(response, expected);
    let embedding = body(json!({"data":[{"embedding":[0.1,0.2]}],"model":"e","usage":{"prompt_tokens":4}}));
    assert_eq!(
        embedding,
        cells(&[("custom_id", "a"), ("status", "200"), ("model", "e"), ("prompt_tokens", "4")])
    );
}

#[test]
fn failures_of_every_documented_shape() {
    let never =
        one(&json!({"custom_id":"a","response":null,"error":{"code":"batch_expired","message":"late"}}));
    assert_eq!(
        never,
        cells(&[("custom_id", "a"), ("error_code", "batch_expired"), ("error_message", "late")])
    );
    let refused = one(
        &json!({"custom_id":"a","response":{"status_code":400,"body":{"error":{"code":429,"message":"m"}}}}),
    );
    assert_eq!((refused["status"].as_str(), refused["error_code"].as_str()), ("400", "429"));
    let text = one(&json!({"custom_id":"a","response":{"status_code":0,"body":{"error":"gone"}}}));
    assert_eq!((text["status"].as_str(), text["error_message"].as_str()), ("0", "gone"));
    for odd in [json!([1, 2]), json!("text"), json!({"choices":[]}), json!({"choices":"no"}), json!(null)] {
        assert_eq!(one(&json!({"custom_id":"a","response":{"status_code":200,"body":odd}})).len(), 2);
    }
}

#[test]
fn fields_of_the_request_stand_beside_it() {
    let answer = json!({"custom_id":"a","response":null,"error":null}).to_string();
    let request = json!({"custom_id":"a","body":{"metadata":{"ticket":"T"},"n":[1,{"x":2}]}}).to_string();
    let names = ["body.metadata.ticket", "body.n", "none"];
    let found = both(&[(answer.clone(), Some(request)), (answer, None)], &names);
    let expected = cells(&[("custom_id", "a"), ("body.metadata.ticket", "T"), ("body.n", r#"[1,{"x":2}]"#)]);
    assert_eq!(found, [expected, cells(&[("custom_id", "a")])]);
}

#[test]
fn half_a_character_is_no_reason_to_lose_a_row() {
    let answer = r#"{"custom_id":"a","response":{"status_code":200,"body":{"choices":[{"message":{"content":"x\ud800y"}}]}}}"#;
    let found = both(&[(answer.to_owned(), None)], &[]).remove(0);
    assert!(
        found["content"].starts_with('x')
            && found["content"].ends_with('y')
            && found["content"].contains('\u{fffd}')
    );
}

#[test]
fn what_is_not_a_line_is_named_by_its_row() {
    let mut table = TableWriter::new(TableFormat::Csv, fields(&["x"]), Vec::new()).unwrap();
    table.write(br#"{"custom_id":"a"}"#, None).unwrap();
    let error = table.write(b"{", None).unwrap_err();
    assert!(matches!(error, TableError::Answer { row: 2, .. }), "{error}");
    let error = table.write(br#"{"custom_id":"a"}"#, Some(b"nothing")).unwrap_err();
    assert!(error.to_string().starts_with("row 3: not a request line"), "{error}");
}

#[test]
fn two_columns_of_one_name_are_refused() {
    for names in [&["status"][..], &["a", "a"]] {
        let refused = TableWriter::new(TableFormat::Csv, fields(names), Vec::new()).unwrap_err();
        assert!(matches!(refused, TableError::Field(FieldError::Taken(_))), "{refused}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn row_groups_are_bounded_by_bytes() {
    let content = "x".repeat(1 << 20);
    let line = |n: usize| {
        let body = json!({"choices":[{"message":{"content":content}}]});
        (json!({"custom_id":n.to_string(),"response":{"status_code":200,"body":body}}).to_string(), None)
    };
    let rows: Vec<_> = (0..20).map(line).collect();
    let (found, groups) = parquet(&rows, &[]);
    assert_eq!((found.len(), groups), (20, 3));
}

proptest! {
    #[test]
    fn any_text_survives(id in "\\PC{1,20}", content in any::<String>(), code in proptest::option::of(any::<i64>())) {
        let answer = json!({"custom_id":id,"response":{"status_code":code,"body":{"choices":[{"message":{"content":content}}]}}});
        // The reader of CSV cannot tell these from what was written.
        prop_assume!(!content.is_empty());
        let found = one(&answer);
        prop_assert_eq!(&found["custom_id"], &id);
        prop_assert_eq!(&found["content"], &content);
        prop_assert_eq!(found.get("status").cloned(), code.map(|code| code.to_string()));
    }
}
