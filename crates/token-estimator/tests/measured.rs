//! More counts that others measured on the service or published, most of them kept beside this file.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic like the test")]

use serde_json::{Value, json, value::to_raw_value};
use token_estimator::{
    EstimatorOptions, ImageSize, Provenance, TiktokenEstimator, TokenCount, TokenEstimator,
};

fn measured() -> Value {
    serde_json::from_str(include_str!("support/measured.json")).unwrap()
}

fn count(model: &str, body: &Value) -> TokenCount {
    TiktokenEstimator::new(EstimatorOptions::default()).count(model, &to_raw_value(body).unwrap())
}

/// Fourteen messages, one of them with an image.
#[test]
fn measured_messages() {
    for case in measured()["messages"].as_array().unwrap() {
        let body = json!({"messages": [case["message"]]});
        for (model, tokens) in [("gpt-4", &case["cl100k"]), ("gpt-4o", &case["o200k"])] {
            assert_eq!(json!(count(model, &body).prompt_tokens), *tokens, "{model} {body}");
        }
    }
}

/// Eighteen tools. What the service does with inner objects is not known in full: of such a tool three tokens too many are
/// counted at most.
#[test]
fn measured_tools() {
    let mut exact = 0;
    for case in measured()["tools"].as_array().unwrap() {
        let body = json!({
            "messages": [{"role": "system", "content": "You are a bot."}],
            "tools": [{"type": "function", "function": case["function"]}],
            "tool_choice": case["tool_choice"],
        });
        let count = count("gpt-4", &body);
        let measured = case["tokens"].as_u64().unwrap();
        assert_eq!(count.provenance, Provenance::Rule);
        let near = measured..=measured + 3;
        assert!(near.contains(&count.prompt_tokens), "{} not {measured}: {body}", count.prompt_tokens);
        exact += u32::from(count.prompt_tokens == measured);
    }
    assert!(exact >= 10, "{exact}");
}

/// Measured on gpt-3.5-turbo by the project openai-chat-tokens, beside those in `published.rs`.
#[test]
fn measured_systems_with_functions() {
    let nothing = json!([{"name": "do_stuff", "parameters": {"type": "object", "properties": {}}}]);
    let text = json!({"type": "string"});
    let units = json!({"enum": ["grams", "ml", "cups", "pieces", "teaspoons"], "type": "string"});
    let recipe = json!([{"name": "get_recipe", "parameters": {"type": "object",
        "required": ["ingredients", "instructions", "time_to_cook"], "properties": {
            "ingredients": {"type": "array", "items": {"type": "object", "required": ["name", "unit", "amount"],
                "properties": {"name": text, "unit": units, "amount": {"type": "number"}}}},
            "instructions": {"type": "array", "items": text, "description": "Steps to prepare the recipe (no numbering)"},
            "time_to_cook": {"type": "number", "description": "Total time to prepare the recipe in minutes"}}}}]);
    let message = |role: &str, content: &str| json!({"role": role, "content": content});
    let hi = message("user", "Hi there");
    for (body, tokens) in [
        (json!({"messages": [message("system", "hello")]}), 8),
        (json!({"messages": [message("system", "hello:")]}), 9),
        (json!({"messages": [message("system", "Hello"), hi], "functions": nothing}), 35),
        (json!({"messages": [message("system", "Hello:"), hi], "functions": nothing}), 35),
        (
            json!({"messages": [message("system", "Hello:"), message("system", "Hello"), hi], "functions": nothing}),
            40,
        ),
        (json!({"messages": [message("user", "hello")], "functions": recipe}), 106),
    ] {
        assert_eq!(count("gpt-3.5-turbo", &body).prompt_tokens, tokens, "{body}");
    }
}

/// From the guide on images, its reimplementation for Azure, and what users were billed.
#[test]
fn published_images() {
    for (model, width, height, tokens) in [
        ("gpt-4o", 1024, 1024, 765),
        ("gpt-4o", 2048, 4096, 1105),
        ("gpt-5", 1024, 1024, 630),
        ("gpt-4o-mini", 768, 768, 25_501),
        ("gpt-4.1-mini", 1024, 1024, 1659),
        // Billed, by the size of the image.
        ("gpt-5-mini", 256, 256, 77),
        ("gpt-5-mini", 512, 512, 308),
        ("gpt-5-mini", 768, 1024, 922),
        ("gpt-5-mini", 1280, 720, 1104),
        ("gpt-5-mini", 1024, 1024, 1229),
        ("gpt-5-mini", 2048, 768, 1844),
    ] {
        let options =
            EstimatorOptions { unknown_image: ImageSize { width, height }, ..EstimatorOptions::default() };
        let body = json!({"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://example.com/image"}}]}]});
        let count = TiktokenEstimator::new(options).count(model, &to_raw_value(&body).unwrap());
        assert_eq!(count.image_tokens, tokens, "{model} {width} x {height}");
    }
}

/// From the tests of tiktoken itself: how many tokens of cl100k each text is.
#[test]
fn vectors_of_tiktoken() {
    for (text, tokens) in [
        ("hello world", 2),
        ("rer", 1),
        ("'rer", 2),
        ("today\n ", 3),
        ("today\n \n", 2),
        ("today\n  \n", 2),
        (" \u{85}0", 4),
        ("👍", 3),
        ("", 0),
    ] {
        let count = count("text-embedding-3-small", &json!({"input": text}));
        assert_eq!((count.text_tokens, count.provenance), (tokens, Provenance::Exact), "{text:?}");
    }
}
