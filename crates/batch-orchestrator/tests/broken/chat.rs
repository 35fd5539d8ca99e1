//! Bodies of chat completions.

use crate::case::{Case, SECRET, between, chat, messages};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, bad: String| cases.push(Case::new(&format!("chat: {name}"), between(bad)));

    add("no messages", chat("bad", "\"x\":1"));
    for (name, value) in [
        ("null", "null"),
        ("a string", "\"S3CRET\""),
        ("an object", "{\"role\":\"user\",\"content\":\"S3CRET\"}"),
        ("a number", "1"),
        ("a boolean", "true"),
        ("empty", "[]"),
        ("empty with a blank", "[ ]"),
        ("strings", "[\"S3CRET\",\"S3CRET\"]"),
        ("null in it", "[null]"),
        ("numbers", "[1,2,3]"),
        ("an array in it", "[[{\"role\":\"user\",\"content\":\"S3CRET\"}]]"),
        ("an empty object in it", "[{}]"),
        ("a number that no machine holds", "[1e999]"),
    ] {
        add(&format!("messages: {name}"), messages(value));
    }
    for (name, role) in [
        ("missing", ""),
        ("null", "\"role\":null,"),
        ("a number", "\"role\":1,"),
        ("empty", "\"role\":\"\","),
        ("an array", "\"role\":[\"user\"],"),
        ("an object", "\"role\":{},"),
    ] {
        add(&format!("role: {name}"), messages(&format!("[{{{role}\"content\":\"{SECRET}\"}}]")));
    }
    for (name, content) in [
        ("missing", ""),
        ("null", ",\"content\":null"),
        ("a number", ",\"content\":1"),
        ("a boolean", ",\"content\":true"),
        ("an object", ",\"content\":{\"type\":\"text\",\"text\":\"S3CRET\"}"),
        ("strings", ",\"content\":[\"S3CRET\"]"),
        ("numbers", ",\"content\":[1,null,[]]"),
        ("a number that no machine holds", ",\"content\":[1e999]"),
        ("a part without type", ",\"content\":[{\"text\":\"S3CRET\"}]"),
        ("a part of type null", ",\"content\":[{\"type\":null,\"text\":\"S3CRET\"}]"),
        ("a part of type 1", ",\"content\":[{\"type\":1}]"),
        ("a part without text", ",\"content\":[{\"type\":\"text\"}]"),
        ("a part whose text is a number", ",\"content\":[{\"type\":\"text\",\"text\":1}]"),
        ("the second part", ",\"content\":[{\"type\":\"text\",\"text\":\"S3CRET\"},{\"type\":\"text\"}]"),
    ] {
        add(&format!("content: {name}"), messages(&format!("[{{\"role\":\"user\"{content}}}]")));
    }
    for role in ["system", "developer", "assistant", "tool"] {
        add(
            &format!("content of {role}: null"),
            messages(&format!("[{{\"role\":\"{role}\",\"content\":null}}]")),
        );
    }
    let null_calls = r#"[{"role":"assistant","content":null,"tool_calls":null,"refusal":null}]"#;
    add("content: null, and the calls too", messages(null_calls));
    add(
        "the third of three messages",
        messages(&format!(
            r#"[{{"role":"system","content":"{SECRET}"}},{{"role":"user","content":"{SECRET}"}},{{"role":"user"}}]"#
        )),
    );
    sizes(&mut add);
    numbers(&mut add);
    cases
}

fn sizes(add: &mut impl FnMut(&str, String)) {
    let one = r#"{"role":"user","content":"S3CRET"}"#;
    add("2,049 messages", messages(&format!("[{}]", vec![one; 2049].join(","))));
    add("3,000 messages that are all wrong", messages(&format!("[{}]", vec!["0"; 3000].join(","))));
    let said = |text: &str| messages(&format!(r#"[{{"role":"user","content":"{text}"}}]"#));
    add("content of 1,048,577 letters", said(&"x".repeat(1_048_577)));
    add("content of 1,048,577 umlauts", said(&"ä".repeat(1_048_577)));
    add("content of 1,048,577 escapes", said(&"\\n".repeat(1_048_577)));
    let part = format!(r#"[{{"type":"text","text":"{}"}}]"#, "x".repeat(1_048_577));
    add("part of 1,048,577 letters", messages(&format!(r#"[{{"role":"user","content":{part}}}]"#)));
    let image = r#"{"type":"image_url","image_url":{"url":"https://example.com/S3CRET.png"}}"#;
    let images = |count| format!(r#"{{"role":"user","content":[{}]}}"#, vec![image; count].join(","));
    add("51 images", messages(&format!("[{}]", images(51))));
    add("51 images in two messages", messages(&format!("[{},{}]", images(50), images(1))));
}

fn numbers(add: &mut impl FnMut(&str, String)) {
    let ask = r#""messages":[{"role":"user","content":"S3CRET"}]"#;
    for field in ["n", "max_tokens", "max_completion_tokens"] {
        for value in ["0", "-1", "1.5", "1e3", "\"1\"", "true", "[1]", "{}"] {
            add(&format!("{field}: {value}"), chat("bad", &format!("\"{field}\":{value},{ask}")));
        }
    }
    add("stream", chat("bad", &format!("\"stream\":true,{ask}")));
    add("everything", chat("bad", "\"stream\":true,\"n\":0,\"max_tokens\":-1,\"messages\":[{}]"));
}
