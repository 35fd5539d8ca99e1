//! How fast answers are checked, on one core.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark for people"
)]

use std::time::Instant;

use serde_json::json;
use structured_check::Checker;

const LINES: usize = 50_000;

fn main() {
    let schema = json!({ "type": "object", "required": ["title", "items"], "additionalProperties": false, "properties": {
        "title": { "type": "string" }, "items": { "type": "array", "items": { "type": "object",
        "required": ["name", "price"], "properties": { "name": { "type": "string" }, "price": { "type": "number" } } } } } });
    let content = json!({ "title": "A list", "items": vec![json!({ "name": "something of a name", "price": 12.5 }); 40] });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "n", "schema": schema } });
    let asked =
        json!({ "custom_id": "a", "body": { "model": "m", "messages": [], "response_format": format } })
            .to_string();
    let plain = json!({ "custom_id": "a", "body": { "model": "m", "messages": [] } }).to_string();
    let answer = json!({ "custom_id": "a", "response": { "status_code": 200, "body": { "choices": [
        { "message": { "content": content.to_string() }, "finish_reason": "stop" }] } } })
    .to_string();
    for (what, request) in [("with a schema", asked), ("without", plain)] {
        let mut checker = Checker::default();
        let started = Instant::now();
        for _ in 0..LINES {
            checker.check(request.as_bytes(), answer.as_bytes()).unwrap();
        }
        let seconds = started.elapsed().as_secs_f64();
        let megabytes = (LINES * (request.len() + answer.len())) as f64 / 1e6;
        println!("{what}: {:.0} lines/s, {:.0} MB/s", LINES as f64 / seconds, megabytes / seconds);
    }
}
