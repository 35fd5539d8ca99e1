//! What stands around a request.

use crate::case::{Case, between, good, line};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let values = [
        ("null", "null"),
        ("a number", "7"),
        ("a boolean", "false"),
        ("an array", "[\"a\"]"),
        ("an object", "{\"a\":1}"),
        ("empty", "\"\""),
    ];
    let fields = [
        ("custom_id", "\"bad\""),
        ("method", "\"POST\""),
        ("url", "\"/chat/completions\""),
        ("model", "\"m\""),
    ];
    for (field, value) in fields {
        let whole = format!("\"{field}\":{value},");
        for (name, other) in values {
            let bad = good("bad").replacen(&whole, &format!("\"{field}\":{other},"), 1);
            cases.push(Case::new(&format!("envelope: {field} is {name}"), between(bad)));
        }
        let bad = good("bad").replacen(&whole, "", 1);
        cases.push(Case::new(&format!("envelope: {field} is missing"), between(bad)));
        let bad = good("bad").replacen(&format!("\"{field}\""), &format!("\"{}\"", field.to_uppercase()), 1);
        cases.push(Case::new(&format!("envelope: {field} in capitals"), between(bad)));
    }
    for (name, body) in values {
        let bad = line("bad", "/chat/completions", body);
        cases.push(Case::new(&format!("envelope: body is {name}"), between(bad)));
    }
    cases.extend(methods_and_urls());
    cases.extend(ids());
    cases.extend(models());
    cases
}

fn methods_and_urls() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, bad: String| cases.push(Case::new(&format!("envelope: {name}"), between(bad)));
    add(
        "body is missing",
        "{\"custom_id\":\"bad\",\"method\":\"POST\",\"url\":\"/chat/completions\"}\n".into(),
    );
    for method in ["GET", "post", "POST ", "PUT"] {
        add(&format!("method is {method:?}"), good("bad").replace("\"POST\"", &format!("\"{method}\"")));
    }
    for url in [
        "/v1/embeddings",
        "/responses",
        "/v1/completions",
        "https://example.openai.azure.com/openai/deployments/m/chat/completions",
        "/chat/completion",
        "/Chat/Completions",
        "/chat/completions?api-version=2024-10-21",
        "/v2/chat/completions",
        "/v1/v1/chat/completions",
        " /chat/completions",
    ] {
        add(&format!("url is {url:?}"), good("bad").replace("/chat/completions", url));
    }
    let long = format!("/{}", "x".repeat(500));
    add("url of 500 letters", good("bad").replace("/chat/completions", &long));
    add("nothing is right", "{\"custom_id\":1,\"method\":2,\"url\":3,\"body\":4}\n".into());
    let other = good("bad").replace("/chat/completions", "/embeddings");
    cases.push(Case::new(
        "envelope: all lines of another family",
        format!("{other}{}", other.replace("bad", "2")),
    ));
    cases
}

fn ids() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, bytes: String| cases.push(Case::new(&format!("ids: {name}"), bytes));
    add("two lines", format!("{}{}{}", good("same"), good("other"), good("same")));
    add("three lines", good("same").repeat(3));
    add("by an escape", format!("{}{}", good("a"), good("\\u0061")));
    add("of 500 letters", good(&"x".repeat(500)).repeat(2));
    add("150 times", good("same").repeat(151));
    let broken = good("same").replace("\"POST\"", "\"GET\"");
    add("of a line that is wrong otherwise", format!("{}{broken}", good("same")));
    add("first in a line that is wrong otherwise", format!("{broken}{}", good("same")));
    add("with a quote in it", good("a\\\"b").repeat(2));
    cases
}

fn models() -> Vec<Case> {
    let other = |name: &str| good("other").replace("\"m\"", &format!("\"{name}\""));
    let two = format!("{}{}", good("a"), other("n"));
    let three = format!("{two}{}", good("c"));
    let long = format!("{}{}", good("a"), other(&"n".repeat(300)));
    let missing = good("a").replace("\"model\":\"m\",", "");
    vec![
        Case::new("models: two", &*two),
        Case::new("models: two in three lines", &*three),
        Case::new("models: a long name", &*long),
        Case::new("models: differ in letters' case", format!("{}{}", good("a"), other("M"))),
        Case::new("models: not the deployment", &*two).deployment("m"),
        Case::new("models: none the deployment", &*two).deployment("x"),
        Case::new("models: missing, though it is rewritten", &*missing).deployment("x").set_model(),
        Case::new("models: missing, with a deployment", &*missing).deployment("x"),
    ]
}
