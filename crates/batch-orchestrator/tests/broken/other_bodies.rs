//! Bodies of responses and of embeddings.

use crate::case::{Case, line};

fn responses(name: &str, fields: &str) -> Case {
    let good = line("a", "/responses", r#"{"model":"m","input":"S3CRET"}"#);
    let bad = line("bad", "/v1/responses", &format!(r#"{{"model":"m"{fields}}}"#));
    Case::new(&format!("responses: {name}"), format!("{good}{bad}")).endpoint("/v1/responses")
}

fn embeddings(name: &str, fields: &str) -> Case {
    let good = line("a", "/embeddings", r#"{"model":"m","input":"S3CRET"}"#);
    let bad = line("bad", "/v1/embeddings", &format!(r#"{{"model":"m"{fields}}}"#));
    Case::new(&format!("embeddings: {name}"), format!("{good}{bad}")).endpoint("/embeddings")
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        responses("no input", ""),
        responses("input: null", ",\"input\":null"),
        responses("input: a number", ",\"input\":1"),
        responses("input: a boolean", ",\"input\":true"),
        responses("input: an object", ",\"input\":{\"role\":\"user\"}"),
        responses("input: empty array", ",\"input\":[]"),
        responses("input: empty array with a blank", ",\"input\":[ ]"),
        responses("input: strings", ",\"input\":[\"S3CRET\"]"),
        responses("input: null in it", ",\"input\":[{\"role\":\"user\"},null]"),
        responses("prompt that is null, no input", ",\"prompt\":null"),
        responses("messages instead of input", ",\"messages\":[{\"role\":\"user\",\"content\":\"S3CRET\"}]"),
        responses("instructions: array", ",\"input\":\"x\",\"instructions\":[\"S3CRET\"]"),
        responses("instructions: number", ",\"input\":\"x\",\"instructions\":1"),
        responses("instructions: object", ",\"input\":\"x\",\"instructions\":{}"),
        responses("stream", ",\"input\":\"x\",\"stream\":true"),
        responses("max_output_tokens: 0", ",\"input\":\"x\",\"max_output_tokens\":0"),
        responses("max_output_tokens: string", ",\"input\":\"x\",\"max_output_tokens\":\"9\""),
        responses("input twice", ",\"input\":\"x\",\"input\":\"y\""),
    ];
    for (name, value) in [
        ("null", "null"),
        ("empty string", "\"\""),
        ("number", "1"),
        ("boolean", "false"),
        ("object", "{\"text\":\"S3CRET\"}"),
        ("empty array", "[]"),
        ("null in it", "[null]"),
        ("empty string in it", "[\"S3CRET\",\"\"]"),
        ("empty array in it", "[[]]"),
        ("objects", "[{\"text\":\"S3CRET\"}]"),
        ("strings and tokens", "[\"S3CRET\",1]"),
        ("tokens and strings", "[1,2,\"S3CRET\"]"),
        ("negative token", "[1,-2]"),
        ("token with a point", "[1.5]"),
        ("tokens and arrays", "[1,[2]]"),
        ("strings in arrays", "[[\"S3CRET\"]]"),
        ("negative token in an array", "[[1,2],[-3]]"),
        ("arrays in arrays", "[[[1]]]"),
    ] {
        cases.push(embeddings(&format!("input: {name}"), &format!(",\"input\":{value}")));
    }
    cases.push(embeddings("no input", ""));
    cases.push(embeddings("texts instead of input", ",\"texts\":[\"S3CRET\"]"));
    cases
}
