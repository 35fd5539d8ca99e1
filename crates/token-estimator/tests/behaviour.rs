//! Equality with the reference, all shapes of bodies, and hostile ones.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic like the test")]

use proptest::prelude::*;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use token_estimator::{EstimatorOptions, Provenance, TiktokenEstimator, TokenCount, TokenEstimator};

fn estimator() -> TiktokenEstimator {
    TiktokenEstimator::new(EstimatorOptions {
        deployments: [("my-batch".to_owned(), "gpt-4o".to_owned())].into(),
        ..EstimatorOptions::default()
    })
}

fn count(model: &str, body: &serde_json::Value) -> TokenCount {
    estimator().count(model, &to_raw_value(body).unwrap())
}

fn tokens(model: &str, body: &serde_json::Value) -> (u64, Provenance) {
    let count = count(model, body);
    (count.prompt_tokens, count.provenance)
}

fn embedded(text: &str) -> (u64, Provenance) {
    tokens("text-embedding-3-small", &json!({"input": text}))
}

fn reference(text: &str) -> u64 {
    tiktoken_rs::cl100k_base_singleton().count_ordinary(text) as u64
}

#[test]
fn texts_count_as_by_the_reference() {
    for text in [
        "",
        " ",
        "Hello, world!",
        "fn main() { println!(\"{}\", 1 + 2); }\n\n\t// done",
        "Ünïcödé, 日本語のテキスト、한국어, العربية, ไทย, हिन्दी",
        "👩‍👩‍👧‍👦 🤚🏾 e\u{301}",
        "<|endoftext|> and <|im_start|>user<|im_end|>",
        "3.14159265358979 1,000,000 0xdeadbeef",
        "a'b can't WE'LL",
    ] {
        assert_eq!(embedded(text), (reference(text), Provenance::Exact), "{text:?}");
    }
    assert_eq!(embedded("<|endoftext|>").0, 7);
}

proptest! {
    #[test]
    fn any_json_is_borne(text in "[\\[\\]{}\",:a-z0-9 ]{0,40}") {
        if let Ok(body) = RawValue::from_string(text) {
            estimator().count("gpt-4o", &body);
        }
    }
}

#[test]
fn deep_nesting_is_borne() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let schema = |n: usize| format!("{}{{}}{}", r#"{"type":"array","items":"#.repeat(n), "}".repeat(n));
    for body in [
        format!(r#"{{"messages":[{{"role":"user","content":{}}}]}}"#, deep(100_000)),
        format!(r#"{{"input":{}}}"#, deep(100_000)),
        format!(r#"{{"tools":{0},"messages":{0}}}"#, deep(100_000)),
        format!(
            r#"{{"messages":[],"tools":[{{"name":"f","parameters":{{"properties":{{"a":{}}}}}}}]}}"#,
            schema(50_000)
        ),
        format!(r#"{{"prompt":{}}}"#, deep(100_000)),
    ] {
        let body = RawValue::from_string(body).unwrap();
        estimator().count("gpt-4o", &body);
    }
    let moderate = format!(
        r#"{{"messages":[],"tools":[{{"name":"f","parameters":{{"type":"object","properties":{{"a":{}}}}}}}]}}"#,
        schema(100)
    );
    let count = estimator().count("gpt-4o", &RawValue::from_string(moderate).unwrap());
    assert_eq!(count.provenance, Provenance::Rule);
}

#[test]
fn schemas_cannot_multiply() {
    let mut schema = json!({"type": "string"});
    for _ in 0..40 {
        schema = json!({"type": ["object", "object", "array", "array"], "properties": {"p": schema}});
    }
    let body = json!({"messages": [], "tools": [{"name": "f", "parameters": schema}]});
    assert!(count("gpt-4o", &body).prompt_tokens < 5_000);

    let names: Vec<String> = (0..30_000).map(|n| format!("p{n}")).collect();
    let properties: serde_json::Map<_, _> = names.iter().map(|n| (n.clone(), json!({}))).collect();
    let wide = json!({"type": "object", "properties": properties, "required": names});
    let body = json!({"messages": [], "tools": [{"name": "f", "parameters": wide}]});
    assert_eq!(count("gpt-4o", &body).provenance, Provenance::Rule);
}

#[test]
fn models_are_found_in_order() {
    let with_default = TiktokenEstimator::new(EstimatorOptions {
        default_model: Some("gpt-4o".to_owned()),
        deployments: [("gpt-4".to_owned(), "gpt-4o".to_owned()), ("odd".to_owned(), "unheard-of".to_owned())]
            .into(),
        ..EstimatorOptions::default()
    });
    assert_eq!(estimator().provenance("my-batch"), Provenance::Exact);
    assert_eq!(estimator().provenance("gpt-4"), Provenance::Exact);
    assert_eq!(estimator().provenance("gpt-5.1"), Provenance::Rule);
    assert_eq!(estimator().provenance("unheard-of"), Provenance::Estimate);
    assert_eq!(with_default.provenance("unheard-of"), Provenance::Rule);
    assert_eq!(with_default.provenance("odd"), Provenance::Rule);
    let hangul = to_raw_value(&json!({"messages": [{"role": "user", "content": "한국어 텍스트"}]})).unwrap();
    assert_eq!(with_default.count("gpt-4", &hangul), estimator().count("gpt-4o", &hangul));
    assert_ne!(estimator().count("gpt-4", &hangul), estimator().count("gpt-4o", &hangul));
}

#[test]
fn warming_up_beside_counting_changes_no_count() {
    let estimator = estimator();
    let body = to_raw_value(&json!({"messages": [{"role": "user", "content": "Hello, world!"}]})).unwrap();
    let counts: Vec<TokenCount> = std::thread::scope(|scope| {
        let counters: Vec<_> = (0..4)
            .map(|_| {
                for model in ["my-batch", "gpt-4", "unheard-of"] {
                    scope.spawn(|| estimator.warm_up(model));
                }
                scope.spawn(|| estimator.count("my-batch", &body))
            })
            .collect();
        counters.into_iter().map(|counter| counter.join().unwrap()).collect()
    });
    assert!(counts.iter().all(|count| count.prompt_tokens == 11), "{counts:?}");
}

#[test]
fn an_odd_message_does_not_spoil_the_others() {
    let plain = json!({"role": "user", "content": "hello world"});
    let parts = json!({"role": "user", "content": [{"type": "text", "text": "hello world"}]});
    let both = count("gpt-4o", &json!({"messages": [plain, parts]}));
    assert_eq!((both.text_tokens, both.overhead_tokens, both.provenance), (4, 11, Provenance::Exact));
    for (odd, text, overhead) in [
        // Four bytes for a token.
        (json!({"role": "user", "content": 1234}), 1, 4),
        (json!({"role": "user", "content": {"a": "b"}}), 3, 4),
        (json!({"role": "user", "content": null}), 0, 4),
        (json!({"content": "no role"}), 6, 0),
        (json!(1234), 1, 0),
    ] {
        let all = count("gpt-4o", &json!({"messages": [plain, odd, parts]}));
        assert_eq!((all.text_tokens, all.overhead_tokens), (4 + text, 11 + overhead), "{odd}");
    }
    // Half of a pair that makes a character is no text.
    let half = r#"{"messages":[{"role":"user","content":"\ud83d"},{"role":"user","content":"hello world"}]}"#;
    let half = estimator().count("gpt-4o", &RawValue::from_string(half.to_owned()).unwrap());
    assert_eq!((half.text_tokens, half.provenance), (2 + 2, Provenance::Estimate));
}

#[test]
fn embeddings_count_texts_and_tokens() {
    let model = "text-embedding-3-large";
    assert_eq!(tokens(model, &json!({"input": ["hello", "hello world"]})), (3, Provenance::Exact));
    assert_eq!(tokens(model, &json!({"input": [1, 2, 3]})), (3, Provenance::Exact));
    assert_eq!(tokens(model, &json!({"input": [[1, 2, 3], [4]]})), (4, Provenance::Exact));
    assert_eq!(tokens(model, &json!({"input": []})), (0, Provenance::Exact));
}

#[test]
fn responses_are_framed_like_chats() {
    let chat =
        json!({"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi!"}]});
    let expected = (count("gpt-4o", &chat).prompt_tokens, Provenance::Rule);
    for body in [
        json!({"instructions": "Be kind.", "input": "Hi!"}),
        json!({"instructions": "Be kind.", "input": [{"role": "user", "content": "Hi!"}]}),
        json!({"input": [{"role": "system", "content": "Be kind."},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi!"}]}]}),
    ] {
        assert_eq!(tokens("gpt-4o", &body), expected, "{body}");
    }
    let called = json!({"input": [{"role": "user", "content": "Hi!"},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "done"}]});
    assert_eq!(count("gpt-4o", &called).provenance, Provenance::Rule);
    let reasoning = json!({"messages": [{"role": "developer", "content": "a"}]});
    assert_eq!(
        count("gpt-5", &reasoning).prompt_tokens + 1,
        count("gpt-4o", &reasoning).prompt_tokens,
        "the answer of a reasoning model is primed with one token less"
    );
}

#[test]
fn images_count_by_their_size() {
    let image = |url: &str, detail: &str| {
        json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": ""}, {"type": "image_url", "image_url": {"url": url, "detail": detail}}]}]})
    };
    let framing = 7;
    let pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
    assert_eq!(tokens("gpt-4o", &image(pixel, "high")), (255 + framing, Provenance::Rule));
    assert_eq!(tokens("gpt-4o", &image(pixel, "low")), (85 + framing, Provenance::Rule));
    assert_eq!(tokens("gpt-4o", &image("https://example.com/i", "auto")), (765 + framing, Provenance::Rule));
    let response =
        json!({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": pixel}]}]});
    assert_eq!(tokens("gpt-4o", &response), (255 + framing, Provenance::Rule));
}

#[test]
fn schemas_choices_and_unknown_parts_are_labelled() {
    let plain = json!({"messages": [{"role": "user", "content": "hi"}]});
    let base = count("gpt-4o", &plain).prompt_tokens;
    let with = |key: &str, value: serde_json::Value| {
        let mut body = plain.clone();
        body[key] = value;
        tokens("gpt-4o", &body)
    };
    let schema = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}});
    let (schema, provenance) = with("response_format", schema);
    assert!(schema > base && provenance == Provenance::Rule);
    assert_eq!(with("response_format", json!({"type": "json_object"})), (base, Provenance::Exact));
    assert_eq!(with("tools", json!([])), (base, Provenance::Exact));
    assert_eq!(with("temperature", json!(0.5)), (base, Provenance::Exact));
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);
    let tools = with("tools", tool.clone()).0;
    let mut forced = json!({"messages": plain["messages"], "tools": tool});
    forced["tool_choice"] = json!("none");
    assert_eq!(tokens("gpt-4o", &forced).0, tools + 1);
    forced["tool_choice"] = json!({"type": "function", "function": {"name": "f"}});
    assert_eq!(tokens("gpt-4o", &forced).0, tools + 8);
    for body in [
        json!({}),
        json!([1]),
        json!("text"),
        json!({"messages": "text"}),
        json!({"messages": [{"content": "no role"}]}),
        json!({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA"}}]}]}),
    ] {
        assert_eq!(count("gpt-4o", &body).provenance, Provenance::Estimate, "{body}");
    }
    assert_eq!(count("unheard-of", &plain).provenance, Provenance::Estimate);
}
