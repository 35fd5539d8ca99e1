//! Counts that others measured on the service.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic like the test")]

use serde_json::value::RawValue;
use token_estimator::{EstimatorOptions, Provenance, TiktokenEstimator, TokenCount, TokenEstimator};

fn count(model: &str, body: &str) -> TokenCount {
    let body = RawValue::from_string(body.to_owned()).unwrap();
    TiktokenEstimator::new(EstimatorOptions::default()).count(model, &body)
}

/// The example of the OpenAI cookbook on counting tokens.
#[test]
fn cookbook_messages() {
    let body = r#"{"messages":[
        {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
        {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
        {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
        {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
        {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}"#;
    for (model, tokens) in
        [("gpt-3.5-turbo", 129), ("gpt-4-0613", 129), ("gpt-4", 129), ("gpt-4o", 124), ("gpt-4o-mini", 124)]
    {
        let count = count(model, body);
        assert_eq!((count.prompt_tokens, count.provenance), (tokens, Provenance::Exact), "{model}");
        assert_eq!(count.quota_tokens, (body.chars().count() as u64).div_ceil(4));
    }
}

/// The example of the OpenAI cookbook on counting tokens of tools.
#[test]
fn cookbook_tools() {
    let body = r#"{"messages":[
        {"role":"system","content":"You are a helpful assistant that can answer to questions about the weather."},
        {"role":"user","content":"What's the weather like in San Francisco?"}],
        "tools":[{"type":"function","function":{"name":"get_current_weather",
        "description":"Get the current weather in a given location","parameters":{"type":"object","properties":{
        "location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},
        "unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}},
        "required":["location"]}}}]}"#;
    for (model, tokens) in [("gpt-3.5-turbo", 105), ("gpt-4", 105), ("gpt-4o", 101), ("gpt-4o-mini", 101)] {
        let count = count(model, body);
        assert_eq!((count.prompt_tokens, count.provenance), (tokens, Provenance::Rule), "{model}");
    }
}

/// Measured on gpt-3.5-turbo by the project openai-chat-tokens.
#[test]
fn measured_chats() {
    let hello = r#"{"role":"user","content":"hello"}"#;
    let world = r#"{"role":"user","content":"hello world"}"#;
    for (messages, tokens) in [
        (hello.to_owned(), 8),
        (world.to_owned(), 9),
        (
            r##"{"role":"system","content":"# Important: you're the best robot"},
            {"role":"user","content":"hello robot"},{"role":"assistant","content":"hello world"}"##
                .to_owned(),
            27,
        ),
        (format!(r#"{world},{{"role":"function","name":"do_stuff","content":"{{}}"}}"#), 15),
        (
            format!(
                r#"{world},{{"role":"function","name":"do_stuff","content":"{{\"foo\": \"bar\", \"baz\": 1.5}}"}}"#
            ),
            28,
        ),
        (
            r#"{"role":"function","name":"dance_the_tango","content":"{\"a\": { \"b\" : { \"c\": false}}}"}"#
                .to_owned(),
            24,
        ),
        (
            r#"{"role":"assistant","content":"","function_call":{"name":"do_stuff",
            "arguments":"{\"foo\": \"bar\", \"baz\": 1.5}"}}"#
                .to_owned(),
            26,
        ),
        (
            r#"{"role":"assistant","content":"","function_call":{"name":"do_stuff",
            "arguments":"{\"foo\":\"bar\", \"baz\":\n\n 1.5}"}}"#
                .to_owned(),
            25,
        ),
    ] {
        let body = format!(r#"{{"messages":[{messages}]}}"#);
        assert_eq!(count("gpt-3.5-turbo", &body).prompt_tokens, tokens, "{messages}");
    }
}

/// Measured on gpt-3.5-turbo by the project openai-chat-tokens.
#[test]
fn measured_functions() {
    for (function, tokens) in [
        (r#"{"name":"foo","parameters":{"type":"object","properties":{}}}"#, 31),
        (r#"{"name":"foo","description":"Do a foo","parameters":{"type":"object","properties":{}}}"#, 36),
        (
            r#"{"name":"bing_bong","description":"Do a bing bong","parameters":{"type":"object",
            "properties":{"foo":{"type":"string"}}}}"#,
            49,
        ),
        (
            r#"{"name":"bing_bong","description":"Do a bing bong","parameters":{"type":"object",
            "properties":{"foo":{"type":"string"},"bar":{"type":"number","description":"A number"}}}}"#,
            57,
        ),
        (
            r#"{"name":"bing_bong","description":"Do a bing bong","parameters":{"type":"object","properties":{
            "foo":{"type":"object","properties":{"bar":{"type":"string","enum":["a","b","c"]},
            "baz":{"type":"boolean"}}}}}}"#,
            68,
        ),
    ] {
        for body in [
            format!(r#"{{"messages":[{{"role":"user","content":"hello"}}],"functions":[{function}]}}"#),
            format!(
                r#"{{"messages":[{{"role":"user","content":"hello"}}],
                "tools":[{{"type":"function","function":{function}}}],"tool_choice":"auto"}}"#
            ),
        ] {
            let count = count("gpt-3.5-turbo", &body);
            assert_eq!((count.prompt_tokens, count.provenance), (tokens, Provenance::Rule), "{body}");
        }
    }
}
