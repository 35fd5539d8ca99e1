//! Each token is of one kind, and what may be answered is read from the body.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic like the test")]

use proptest::prelude::*;
use serde_json::{Value, json, value::to_raw_value};
use token_estimator::{EstimatorOptions, Provenance, TiktokenEstimator, TokenCount, TokenEstimator};

const PIXEL: &str = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

fn count_with(options: EstimatorOptions, model: &str, body: &Value) -> TokenCount {
    TiktokenEstimator::new(options).count(model, &to_raw_value(body).unwrap())
}

fn count(model: &str, body: &Value) -> TokenCount {
    count_with(EstimatorOptions::default(), model, body)
}

/// Text, images, tools, overhead.
fn kinds(count: &TokenCount) -> [u64; 4] {
    [count.text_tokens, count.image_tokens, count.tool_tokens, count.overhead_tokens]
}

fn output(model: &str, body: &Value) -> Option<u64> {
    count(model, body).max_output_tokens
}

#[test]
fn each_token_is_of_the_kind_of_what_it_stands_for() {
    let hello = json!({"role": "user", "content": "hello world"});
    let named = json!({"role": "user", "name": "ann", "content": "hello world"});
    let seen = json!({"role": "user", "content": [{"type": "text", "text": "hello world"},
        {"type": "image_url", "image_url": {"url": PIXEL}}]});
    let called = json!({"role": "assistant", "content": "", "tool_calls": [{"id": "1", "type": "function",
        "function": {"name": "f", "arguments": "{}"}}]});
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);
    let schema = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}});
    for (body, expected) in [
        (json!({"messages": []}), [0, 0, 0, 3]),
        // Three of the message, its role, and three that prime the answer.
        (json!({"messages": [hello]}), [2, 0, 0, 7]),
        (json!({"messages": [named]}), [3, 0, 0, 8]),
        (json!({"messages": [seen]}), [2, 255, 0, 7]),
        (json!({"messages": [hello, called]}), [4, 0, 0, 7 + 4 + 3]),
        (json!({"messages": [hello], "tools": tool}), [2, 0, 14 + 9, 7]),
        (json!({"messages": [hello], "functions": [{"name": "f"}]}), [2, 0, 14 + 9, 7]),
        (json!({"messages": [hello], "tools": tool, "tool_choice": "none"}), [2, 0, 14 + 9 + 1, 7]),
        (json!({"messages": [hello], "response_format": schema}), [2, 0, 11, 7]),
        (json!({"input": "hello world"}), [2, 0, 0, 7]),
        (json!({"input": ["hello world"]}), [2, 0, 0, 0]),
        (json!({"input": [[1, 2, 3]]}), [3, 0, 0, 0]),
    ] {
        assert_eq!(kinds(&count("gpt-4o", &body)), expected, "{body}");
    }
}

#[test]
fn what_is_not_understood_is_of_the_kind_of_its_place() {
    let odd = json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": [1, 2]}]}],
        "tools": [{"type": "web_search"}]});
    let count = count("gpt-4o", &odd);
    assert_eq!(count.provenance, Provenance::Estimate);
    assert!(count.text_tokens == 0 && count.image_tokens > 0 && count.tool_tokens > 0, "{count:?}");
}

#[test]
fn the_kinds_add_up_where_numbers_end() {
    let body = json!({"messages": [{"role": "user", "content": "a", "name": "b"}], "tools": [{"name": "c"}]});
    let options = EstimatorOptions { bytes_per_token: f64::MIN_POSITIVE, ..EstimatorOptions::default() };
    let count = count_with(options, "unheard-of", &body);
    assert!(count.text_tokens > 1 << 60 && count.tool_tokens > 1 << 60 && count.overhead_tokens > 1 << 60);
    assert_eq!(kinds(&count).iter().sum::<u64>(), count.prompt_tokens);
}

#[test]
fn output_is_what_the_body_allows() {
    let chat = |more: Value| {
        let mut body = json!({"messages": [{"role": "user", "content": "a"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        output("gpt-4o", &body)
    };
    assert_eq!(chat(json!({})), None);
    assert_eq!(chat(json!({"max_tokens": 100})), Some(100));
    assert_eq!(chat(json!({"max_completion_tokens": 100})), Some(100));
    assert_eq!(chat(json!({"max_completion_tokens": 200, "max_tokens": 100})), Some(200));
    assert_eq!(chat(json!({"max_completion_tokens": null, "max_tokens": 100, "n": null})), Some(100));
    assert_eq!(chat(json!({"max_tokens": 100, "n": 3})), Some(300));
    assert_eq!(chat(json!({"max_tokens": u64::MAX, "n": 3})), Some(u64::MAX));
    assert_eq!(chat(json!({"n": 3})), None);
    // An odd value says nothing, and the prompt is counted all the same.
    assert_eq!(chat(json!({"max_tokens": "many"})), None);
    assert_eq!(chat(json!({"max_tokens": -1})), None);
    let odd = json!({"messages": [{"role": "user", "content": "a"}], "max_tokens": {"a": [1]}, "n": "x"});
    assert_eq!(count("gpt-4o", &odd).provenance, Provenance::Exact);

    assert_eq!(output("gpt-4o", &json!({"input": "a", "max_output_tokens": 50})), Some(50));
    assert_eq!(output("gpt-4o", &json!({"input": "a"})), None);
    assert_eq!(output("gpt-4o", &json!({"prompt": "a", "max_tokens": 16, "n": 2})), Some(32));
    assert_eq!(output("text-embedding-3-small", &json!({"input": "a"})), Some(0));
    assert_eq!(output("my-deployment", &json!({"input": ["a", "b"]})), Some(0));
    assert_eq!(output("gpt-4o", &json!({})), None);
    assert_eq!(output("gpt-4o", &json!([])), None);
}

fn content() -> impl Strategy<Value = Value> {
    let text = "\\PC{0,30}";
    prop_oneof![
        text.prop_map(Value::from),
        Just(Value::Null),
        text.prop_map(
            |text| json!([{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": text}}])
        ),
        text.prop_map(|text| json!([{"type": "image_url", "image_url": {"url": PIXEL, "detail": text}}])),
        text.prop_map(|text| json!([{"type": "file", "file": {"file_data": text}}, 7])),
    ]
}

fn message() -> impl Strategy<Value = Value> {
    let role = prop_oneof![Just("user"), Just("assistant"), Just("function"), Just("tool"), Just("other")];
    (role, content(), proptest::option::of("[a-z]{0,9}")).prop_map(|(role, content, name)| {
        json!({"role": role, "content": content, "name": name,
            "function_call": name.as_ref().map(|name| json!({"name": name, "arguments": "{}"}))})
    })
}

fn tools() -> impl Strategy<Value = Value> {
    proptest::collection::vec("[a-z]{1,9}", 1..4).prop_map(|names| {
        names
            .iter()
            .map(|name| json!({"type": "function", "function": {"name": name, "description": name}}))
            .collect()
    })
}

fn model() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("gpt-4o"), Just("gpt-4"), Just("gpt-5-mini"), Just("unheard-of")]
}

proptest! {
    #[test]
    fn the_kinds_add_up_and_each_part_adds_to_its_own(
        model in model(), messages in proptest::collection::vec(message(), 1..5), tools in tools(),
        text in "\\PC{0,30}", field in prop_oneof![Just("messages"), Just("input")],
    ) {
        let plain = count(model, &json!({field: messages}));
        prop_assert_eq!(kinds(&plain).iter().sum::<u64>(), plain.prompt_tokens);

        let armed = count(model, &json!({field: messages, "tools": tools}));
        prop_assert_eq!(kinds(&armed).iter().sum::<u64>(), armed.prompt_tokens);
        prop_assert!(armed.tool_tokens > 0 && plain.tool_tokens == 0);
        prop_assert_eq!(armed.prompt_tokens - armed.tool_tokens, plain.prompt_tokens);

        let mut longer = messages.clone();
        longer.push(json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}));
        let seen = count(model, &json!({field: longer}));
        prop_assert!(seen.image_tokens > plain.image_tokens && seen.overhead_tokens > plain.overhead_tokens);
        prop_assert_eq!(seen.text_tokens, plain.text_tokens);

        let mut said = messages.clone();
        said.push(json!({"role": "user", "content": text}));
        let said = count(model, &json!({field: said}));
        let alone = count(model, &json!({"messages": [{"role": "user", "content": text}]}));
        prop_assert_eq!(said.text_tokens, plain.text_tokens + alone.text_tokens);
    }
}
