//! What looks odd but may be right: the service is to judge it.

use batch_orchestrator::validate::Verdict;

use crate::case::{Case, chat, good, line, messages};

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, text: String| cases.push(Case::new(name, text));
    add("unknown fields around", good("a").replacen('{', "{\"note\":{\"a\":[1]},\"priority\":1e999,", 1));
    add("unknown fields of the body", chat("a", r#""new":1,"messages":[{"role":"user","content":"x"}]"#));
    add("fields in another order", r#"{"body":{"messages":[{"content":"x","role":"user"}],"model":"m"},"url":"/v1/chat/completions","method":"POST","custom_id":"a"}"#.into());
    add("blanks", r#" { "custom_id" : "a" , "method" : "POST" , "url" : "/chat/completions/" , "body" : { "model" : "m" , "messages" : [ { "role" : "user" , "content" : "x" } ] } } "#.into());
    add("line ends of Windows", format!("{}\r\n{}\r\n", good("a").trim_end(), good("b").trim_end()));
    add("no line end at the end", good("a").trim_end().to_owned());
    add("a new role", messages(r#"[{"role":"moderator","content":null}]"#));
    add(
        "calls instead of a content",
        messages(
            r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}]"#,
        ),
    );
    add(
        "an old call instead of a content",
        messages(r#"[{"role":"assistant","function_call":{"name":"f","arguments":"{}"}}]"#),
    );
    add(
        "a refusal instead of a content",
        messages(r#"[{"role":"assistant","content":null,"refusal":"no"}]"#),
    );
    add("a function that says nothing", messages(r#"[{"role":"function","name":"f","content":null}]"#));
    add("a new kind of part", messages(r#"[{"role":"user","content":[{"type":"video","x":1}]}]"#));
    add("an empty content", messages(r#"[{"role":"user","content":""}]"#));
    add("no parts", messages(r#"[{"role":"user","content":[]}]"#));
    add(
        "numbers",
        chat("a", r#""n":1,"max_tokens":null,"stream":false,"messages":[{"role":"user","content":"x"}]"#),
    );
    add(
        "2,048 messages",
        messages(&format!("[{}]", vec![r#"{"role":"user","content":""}"#; 2048].join(","))),
    );
    add(
        "1,048,576 characters",
        messages(&format!(r#"[{{"role":"user","content":"{}"}}]"#, "\\u00e4".repeat(1_048_576))),
    );
    let image = r#"{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}"#;
    add("50 images", messages(&format!(r#"[{{"role":"user","content":[{}]}}]"#, vec![image; 50].join(","))));
    add(
        "whole characters of two escapes",
        good("\\ud83d\\ude00").replace("S3CRET", "\\uD83D\\uDE00 \\\\ud83d"),
    );
    add(
        "half a million brackets",
        chat(
            "a",
            &format!(
                r#""x":{}{},"messages":[{{"role":"user","content":"x"}}]"#,
                "[".repeat(500_000),
                "]".repeat(500_000)
            ),
        ),
    );
    add("NUL by an escape", messages(r#"[{"role":"user","content":"\u0000"}]"#));
    add(
        "ids that differ in case and blanks",
        ["a", "A", " a", "a ", "\\u00e4", "a\\u0308"].map(good).concat(),
    );
    for input in [r#""x""#, r#"["x","y"]"#, "[1,2,0]", "[[1],[2,3]]", "[ 1 ]"] {
        let text = line("a", "/embeddings", &format!(r#"{{"model":"m","input":{input}}}"#));
        cases.push(Case::new(&format!("embeddings of {input}"), text).endpoint("/v1/embeddings"));
    }
    for fields in [
        r#""input":"x""#,
        r#""input":[{"type":"new"}],"instructions":null"#,
        r#""prompt":{"id":"p"}"#,
        r#""previous_response_id":"r","input":null"#,
    ] {
        let text = line("a", "/responses", &format!(r#"{{"model":"m",{fields}}}"#));
        cases.push(Case::new(&format!("response to {fields}"), text).endpoint("/v1/responses"));
    }
    let unknown = line("a", "/v1/images/generations", r#"{"model":"m","prompt":"x","stream":true}"#);
    cases.push(Case::new("an endpoint that is not known", unknown).endpoint("/v1/images/generations"));
    let models = format!("{}{}", good("a"), good("b").replace("\"m\"", "\"n\""));
    cases.push(Case::new("models that are rewritten", models).deployment("x").set_model());
    cases.push(
        Case::new("a line of just the quota", good("a")).limits(|l| l.max_line_tokens = Some(15)).counted(),
    );
    cases
}

#[test]
fn what_the_service_may_accept_is_let_through() {
    for case in cases() {
        for chunk in [usize::MAX, if case.bytes.len() < 100_000 { 1 } else { 7 }] {
            let Verdict::Valid(plan) = case.validate(chunk).verdict else {
                panic!("{}: {:?}", case.name, case.validate(chunk).verdict)
            };
            assert_eq!(plan.parts.iter().map(|part| part.bytes).sum::<u64>(), case.bytes.len() as u64);
        }
    }
}
