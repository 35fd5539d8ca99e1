//! Lines that are no JSON, or JSON that cannot be meant.

use crate::case::{Case, SECRET, between, chat, good, messages};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = values();
    cases.extend(syntax());
    cases.extend(strings());
    cases.extend(deep());
    cases.extend(twice());
    cases
}

fn values() -> Vec<Case> {
    let lines = [
        ("empty line", "\n"),
        ("line of blanks", " \t \n"),
        ("carriage return alone", "\r\r\n"),
        ("null", "null\n"),
        ("true", "true\n"),
        ("number", "12\n"),
        ("string", "\"S3CRET\"\n"),
        ("array", "[]\n"),
        ("array of lines", "[{\"custom_id\":\"S3CRET\"}]\n"),
        ("empty object", "{}\n"),
        ("plain text", "S3CRET and more\n"),
        ("csv", "custom_id,prompt\n"),
        ("comment", "// S3CRET\n"),
        ("hash comment", "# S3CRET\n"),
        ("markdown fence", "```json\n"),
        ("infinity", "Infinity\n"),
        ("not a number", "NaN\n"),
        ("huge number", "1e999\n"),
        ("leading zero", "007\n"),
    ];
    lines.into_iter().map(|(name, bad)| Case::new(&format!("json value: {name}"), between(bad))).collect()
}

fn syntax() -> Vec<Case> {
    let good_line = good("bad");
    let good_line = good_line.trim_end();
    let mut cases = Vec::new();
    let mut add =
        |name: &str, bad: String| cases.push(Case::new(&format!("json syntax: {name}"), between(bad)));
    add("trailing text", format!("{good_line} S3CRET\n"));
    add("trailing brace", format!("{good_line}}}\n"));
    add("trailing comma after the line", format!("{good_line},\n"));
    add("two objects", format!("{good_line}{good_line}\n"));
    add("two objects and a blank", format!("{good_line} {good_line}\n"));
    add("trailing NUL", format!("{good_line}\0\n"));
    add("line ends of an old Mac", format!("{good_line}\r{good_line}\r\n"));
    add("trailing comma in the object", format!("{},}}\n", &good_line[..good_line.len() - 1]));
    add("trailing comma in an array", messages(r#"[{"role":"user","content":"S3CRET"},]"#));
    add("missing comma", good_line.replace(",\"method\"", "\"method\"") + "\n");
    add("missing colon", good_line.replace("\"method\":", "\"method\" ") + "\n");
    add("missing value", good_line.replace("\"POST\"", "") + "\n");
    add("key without quotes", good_line.replace("\"method\"", "method") + "\n");
    add("single quotes", good_line.replace('"', "'") + "\n");
    add("curly quotes", good_line.replace("\"POST\"", "\u{201c}POST\u{201d}") + "\n");
    add("python literals", chat("bad", r#""messages":[{"role":"user","content":None}]"#));
    add("capital boolean", chat("bad", r#""stream":True,"messages":[]"#));
    add("comment inside", chat("bad", r#"/* S3CRET */"messages":[]"#));
    add("pretty-printed", good_line.replace(",\"method\"", ",\n\"method\"") + "\n");
    add("key is a number", good_line.replace("\"method\"", "1") + "\n");
    add("plus sign", chat("bad", r#""n":+1,"messages":[{"role":"user","content":"S3CRET"}]"#));
    add("hexadecimal", chat("bad", r#""n":0x1,"messages":[{"role":"user","content":"S3CRET"}]"#));
    add("bare point", chat("bad", r#""n":1.,"messages":[{"role":"user","content":"S3CRET"}]"#));
    add("brackets that do not match", messages(r#"[{"role":"user","content":"S3CRET"]}"#));
    for cut in [1, 2, 14, 20, 40, 60, 90, good_line.len() - 2, good_line.len() - 1] {
        add(&format!("cut after {cut} bytes"), format!("{}\n", &good_line[..cut]));
    }
    let cut = format!("{}{}", good("first"), &good_line[..good_line.len() - 5]);
    cases.push(Case::new("json syntax: last line cut, no line end", cut));
    cases
}

fn strings() -> Vec<Case> {
    let texts = [
        ("high surrogate", r"a\ud83d"),
        ("high surrogate and text", r"\ud83dS3CRET"),
        ("low surrogate", r"\ude00"),
        ("surrogates the wrong way round", r"\ude00\ud83d"),
        ("two high surrogates", r"\ud83d\ud83d"),
        ("high surrogate and another escape", r"\uD83D\n"),
        ("short escape", r"\u12"),
        ("escape that is no hexadecimal", r"\u12xy"),
        ("unknown escape", r"\x41"),
        ("escaped single quote", r"\'"),
        ("NUL", "\0"),
        ("tab", "a\tb"),
        ("control character 01", "\u{1}"),
        ("control character 1f", "\u{1f}"),
        ("escape character", "\u{1b}[0m"),
        ("carriage return", "a\rb"),
        ("quote not escaped", r#"say "S3CRET" now"#),
        ("backslash at the end", r"C:\"),
    ];
    let mut cases = Vec::new();
    for (name, text) in texts {
        let content = messages(&format!(r#"[{{"role":"user","content":"{text}"}}]"#));
        cases.push(Case::new(&format!("json string: content, {name}"), between(content)));
    }
    for (name, text) in &texts[..12] {
        let id = good("bad").replace("\"bad\"", &format!("\"{text}\""));
        cases.push(Case::new(&format!("json string: custom_id, {name}"), between(id)));
    }
    for (name, text) in &texts[..3] {
        let other = chat("bad", &format!(r#""user":"{text}","messages":[{{"role":"user","content":"x"}}]"#));
        cases.push(Case::new(&format!("json string: unknown field, {name}"), between(other)));
        let key = chat("bad", &format!(r#""{text}":1,"messages":[{{"role":"user","content":"x"}}]"#));
        cases.push(Case::new(&format!("json string: key, {name}"), between(key)));
    }
    cases
}

/// Half a million brackets: what recurses would abort here.
fn deep() -> Vec<Case> {
    const DEEP: usize = 500_000;
    let open = "[".repeat(DEEP);
    let closed = format!("{open}{}", "]".repeat(DEEP));
    let objects = "{\"a\":".repeat(DEEP / 5);
    let message = |content: &str| messages(&format!(r#"[{{"role":"user","content":{content}}}]"#));
    let mut cases = Vec::new();
    let mut add =
        |name: &str, bad: String| cases.push(Case::new(&format!("json depth: {name}"), between(bad)));
    add("the line, open", format!("{open}\n"));
    add("the line, closed", format!("{closed}\n"));
    add("the line, objects", format!("{objects}\n"));
    add("an unknown field, open", chat("bad", &format!("\"x\":{open}")));
    add("the content, open", message(&open));
    add("the content, closed", message(&closed));
    add("the content, objects", message(&objects));
    add("the messages, closed", messages(&closed));
    add("the role, closed", messages(&format!(r#"[{{"role":{closed},"content":"{SECRET}"}}]"#)));
    add("the custom_id, closed", good("bad").replace("\"bad\"", &closed));
    add(
        "the body, closed",
        format!(
            "{{\"custom_id\":\"bad\",\"method\":\"POST\",\"url\":\"/chat/completions\",\"body\":{closed}}}\n"
        ),
    );
    add("the model, closed", good("bad").replace("\"m\"", &closed));
    cases
}

fn twice() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add =
        |name: &str, bad: String| cases.push(Case::new(&format!("json twice: {name}"), between(bad)));
    let again = |field: &str| good("bad").replacen('{', &format!("{{{field},"), 1);
    add("custom_id", again(r#""custom_id":"other""#));
    add("method", again(r#""method":"POST""#));
    add("url", again(r#""url":"/chat/completions""#));
    add("body", again(r#""body":{"model":"m"}"#));
    add("body, by an escape", again(r#""b\u006fdy":{"model":"m"}"#));
    add("unknown field", again(r#""note":1,"note":2"#));
    add("unknown field of many letters", again(&format!(r#""{0}":1,"{0}":2"#, "n".repeat(100))));
    let ask = r#""messages":[{"role":"user","content":"S3CRET"}]"#;
    add("model", chat("bad", &format!(r#""model":"m",{ask}"#)));
    add("messages", chat("bad", &format!("{ask},{ask}")));
    add("messages, three times", chat("bad", &format!("{ask},{ask},{ask}")));
    add("stream", chat("bad", &format!(r#""stream":false,"stream":false,{ask}"#)));
    add("unknown field of the body", chat("bad", &format!(r#""S3CRET":0,"S3CRET":1,{ask}"#)));
    let many: String = (0..40).map(|n| format!("\"k{n}\":0,")).collect();
    add("the last of many", chat("bad", &format!("{many}\"k39\":1,{ask}")));
    cases
}
