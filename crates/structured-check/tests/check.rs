//! Requests, answers, and what the check says.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, helpers included")]

use proptest::prelude::*;
use serde_json::{Value, json};
use structured_check::{CheckError, Checker, Outcome};

fn schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["city", "kind"],
        "properties": {
            "city": { "type": "string", "pattern": "^[A-Z]" }, "kind": { "enum": ["big", "small"] },
            "near": { "type": "array", "items": { "$ref": "#/$defs/place" } },
        },
        "$defs": { "place": { "anyOf": [{ "type": "string" }, { "type": "null" }] } },
    })
}

fn chat(schema: &Value) -> Vec<u8> {
    let format =
        json!({ "type": "json_schema", "json_schema": { "name": "n", "strict": true, "schema": schema } });
    json!({ "custom_id": "a", "body": { "model": "m", "response_format": format } }).to_string().into_bytes()
}

fn answer(choices: &[(Value, &str)]) -> Vec<u8> {
    let choices: Vec<_> = choices
        .iter()
        .map(|(content, reason)| json!({ "message": { "content": content }, "finish_reason": reason }))
        .collect();
    json!({ "custom_id": "a", "response": { "status_code": 200, "body": { "choices": choices } } })
        .to_string()
        .into_bytes()
}

fn check(request: &[u8], answer: &[u8]) -> Outcome {
    Checker::default().check(request, answer).unwrap()
}

fn violations(outcome: Outcome) -> Vec<(String, String)> {
    let Outcome::Nonconforming(violations) = outcome else { panic!("{outcome:?}") };
    violations.into_iter().map(|violation| (violation.path, violation.message)).collect()
}

#[test]
fn an_answer_conforms_or_says_where_it_does_not() {
    let good = json!(r#"{"city":"Rome","kind":"big","near":["Ostia",null]}"#);
    assert_eq!(check(&chat(&schema()), &answer(&[(good.clone(), "stop")])), Outcome::Conforms);
    let bad = json!(r#"{"city":"rome","kind":"big","near":["x",7],"more":1}"#);
    let found = violations(check(&chat(&schema()), &answer(&[(good, "stop"), (bad, "stop")])));
    let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
    for path in ["choices[1]", "choices[1]/city", "choices[1]/near/1"] {
        assert!(paths.contains(&path), "{path} in {found:?}");
    }
}

#[test]
fn what_was_cut_off_says_so() {
    let found = violations(check(&chat(&schema()), &answer(&[(json!(r#"{"city":"Ro"#), "length")])));
    assert!(found[0].1.contains("not JSON") && found[0].1.contains("cut off"), "{found:?}");
    let found = violations(check(&chat(&schema()), &answer(&[(Value::Null, "length")])));
    assert!(found[0].1.contains("no content"), "{found:?}");
}

#[test]
fn a_refusal_is_what_was_asked_for() {
    let refusal = json!({ "response": { "body": { "choices": [{ "message": { "content": null, "refusal": "no" } }] } } });
    assert_eq!(check(&chat(&schema()), refusal.to_string().as_bytes()), Outcome::Refused);
    let refusal = json!({ "response": { "body": { "output": [{ "content": [{ "type": "refusal", "refusal": "no" }] }] } } });
    assert_eq!(check(&responses(), refusal.to_string().as_bytes()), Outcome::Refused);
}

fn responses() -> Vec<u8> {
    let format = json!({ "type": "json_schema", "name": "n", "schema": schema() });
    json!({ "custom_id": "a", "body": { "text": { "format": format } } }).to_string().into_bytes()
}

#[test]
fn the_responses_api_says_it_elsewhere() {
    let said = |parts: &[&str]| {
        let parts: Vec<_> = parts.iter().map(|text| json!({ "type": "output_text", "text": text })).collect();
        let body =
            json!({ "status": "completed", "output": [{ "type": "reasoning" }, { "content": parts }] });
        json!({ "response": { "body": body } }).to_string().into_bytes()
    };
    assert_eq!(check(&responses(), &said(&[r#"{"city":"Rome","#, r#""kind":"big"}"#])), Outcome::Conforms);
    let found = violations(check(&responses(), &said(&[r#"{"city":"Rome"}"#])));
    assert!(found[0].0 == "output" && found[0].1.contains("kind"), "{found:?}");
}

#[test]
fn json_objects_are_objects_and_everything_else_is_not_asked_for() {
    let object = json!({ "body": { "response_format": { "type": "json_object" } } }).to_string();
    assert_eq!(check(object.as_bytes(), &answer(&[(json!("{}"), "stop")])), Outcome::Conforms);
    let found = violations(check(object.as_bytes(), &answer(&[(json!("[]"), "stop")])));
    assert_eq!(found, [("choices[0]".to_owned(), "not a JSON object".to_owned())]);
    for request in [
        json!({ "body": {} }),
        json!({ "body": { "response_format": { "type": "text" }, "text": "a prompt" } }),
        json!({ "body": { "response_format": { "type": "json_schema" } } }),
        json!({}),
    ] {
        let outcome = check(request.to_string().as_bytes(), &answer(&[(json!("anything"), "stop")]));
        assert_eq!(outcome, Outcome::NotAsked, "{request}");
    }
    let failed = json!({ "response": null, "error": { "code": "x" } }).to_string();
    assert_eq!(check(&chat(&schema()), failed.as_bytes()), Outcome::NotAsked);
}

/// Whatever stands there, it is a finding about one line, and never a reason to stop.
#[test]
fn bodies_of_other_shapes_do_not_conform_and_formats_that_are_none_ask_for_nothing() {
    for body in [
        json!({ "choices": [{ "message": { "content": [{ "type": "text", "text": "{}" }], "refusal": {} } }] }),
        json!({ "choices": [{ "message": null, "finish_reason": 7 }] }),
        json!({ "choices": "none" }),
        json!({ "output": [{ "content": [{ "text": 7 }] }], "status": [] }),
        json!(["a list"]),
    ] {
        let answer = json!({ "response": { "body": body } }).to_string();
        let found = violations(check(&chat(&schema()), answer.as_bytes()));
        assert!(found[0].1.contains("no content"), "{body}: {found:?}");
    }
    for format in [json!("auto"), json!(7), json!([]), json!({ "type": 7 })] {
        let request = json!({ "body": { "response_format": format } }).to_string();
        assert_eq!(
            check(request.as_bytes(), &answer(&[(json!("x"), "stop")])),
            Outcome::NotAsked,
            "{format}"
        );
    }
}

#[test]
fn hostile_schemas_are_unusable_and_harmless() {
    let mut deep = json!({ "type": "string" });
    for _ in 0..100 {
        deep = json!({ "items": deep });
    }
    let unusable = [
        (json!({ "$ref": "https://example.com/schema.json" }), "example.com"),
        (json!({ "$ref": "file:///etc/passwd" }), "passwd"),
        (json!({ "$ref": "#" }), "leads back"),
        (json!({ "type": "nonsense" }), ""),
        (json!({ "pattern": "(?=look)ahead" }), ""),
        (json!({ "pattern": "((a{1000}){1000}){1000}" }), ""),
        (json!({ "description": "x".repeat(2 << 20) }), "at most 1048576"),
        (deep, "levels deep"),
    ];
    for (schema, part) in unusable {
        let outcome = check(&chat(&schema), &answer(&[(json!("\"aaa\""), "stop")]));
        let Outcome::SchemaUnusable(reason) = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains(part) && reason.chars().count() <= 501, "{reason}");
    }
    // Slow where patterns backtrack.
    let slow = json!({ "type": "string", "pattern": "^(a+)+$" });
    let text = json!(format!("\"{}b\"", "a".repeat(50_000)));
    assert_eq!(violations(check(&chat(&slow), &answer(&[(text, "stop")]))).len(), 1);
    // Deep instances are refused by the parser.
    let tree = json!({ "items": { "$ref": "#" } });
    let text = json!("[".repeat(10_000));
    assert!(violations(check(&chat(&tree), &answer(&[(text, "stop")])))[0].1.contains("recursion limit"));
}

#[test]
fn reports_are_short_however_wrong_the_answer_is() {
    let schema = json!({ "items": { "type": "string" } });
    let text = json!(json!(vec![1; 1000]).to_string());
    assert_eq!(violations(check(&chat(&schema), &answer(&[(text, "stop")]))).len(), 10);
    let schema = json!({ "const": "x" });
    let text = json!(json!("y".repeat(100_000)).to_string());
    let found = violations(check(&chat(&schema), &answer(&[(text, "stop")])));
    assert!(found[0].1.chars().count() <= 501);
}

#[test]
fn what_is_no_line_is_an_error() {
    let error = Checker::default().check(b"{", b"{}").unwrap_err();
    assert!(matches!(error, CheckError::Request(_)), "{error}");
    let error = Checker::default().check(&chat(&schema()), b"nothing").unwrap_err();
    assert!(matches!(error, CheckError::Answer(_)), "{error}");
}

proptest! {
    #[test]
    fn what_was_made_to_conform_does_and_without_a_key_it_does_not(names in proptest::collection::btree_map("[a-z]{1,8}", any::<i32>(), 1..8)) {
        let properties: serde_json::Map<String, Value> =
            names.keys().map(|name| (name.clone(), json!({ "type": "integer" }))).collect();
        let required: Vec<_> = names.keys().collect();
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        let mut value = json!(names);
        let said = |value: &Value| answer(&[(json!(value.to_string()), "stop")]);
        prop_assert_eq!(check(&chat(&schema), &said(&value)), Outcome::Conforms);
        let first = names.keys().next().unwrap();
        value.as_object_mut().unwrap().remove(first);
        prop_assert_eq!(violations(check(&chat(&schema), &said(&value))).len(), 1);
    }
}
