//! Rules for Rust sources.

const MAX_LINES: usize = 400;

/// Put together, so that this file does not find itself.
const FORBIDDEN: [(&str, &str); 5] = [
    (concat!("to", "do!"), "unfinished code"),
    (concat!("unimple", "mented!"), "unfinished code"),
    (concat!("#[ig", "nore"), "a test that nobody runs"),
    (concat!("#[al", "low("), "use #[expect(…, reason = …)]"),
    (concat!("#![al", "low("), "use #![expect(…, reason = …)]"),
];

/// A file is short enough to be read.
pub(super) fn length(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > MAX_LINES).then(|| format!("{path}: {lines} lines, more than {MAX_LINES}"))
}

/// Nothing unfinished, switched off or hushed up.
pub(super) fn forbidden(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for (needle, why) in FORBIDDEN {
            if line.contains(needle) {
                findings.push(format!("{path}:{number}: `{needle}`: {why}"));
            }
        }
    }
    findings
}

/// `lib.rs` and `mod.rs` are tables of contents.
pub(super) fn only_declarations(path: &str, text: &str) -> Vec<String> {
    if !matches!(path.rsplit('/').next(), Some("lib.rs" | "mod.rs")) {
        return Vec::new();
    }
    (1..)
        .zip(text.lines())
        .filter_map(|(number, line)| defines(line).map(|what| (number, what)))
        .map(|(number, what)| {
            format!("{path}:{number}: `{what}` in a file that only declares and re-exports modules")
        })
        .collect()
}

/// The keyword of the item that a line begins to define, unless it is `mod` or `use`.
fn defines(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    if let Some(after) = rest.strip_prefix("pub(") {
        rest = after.split_once(')')?.1.trim_start();
    }
    loop {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        match word {
            "pub" | "async" | "unsafe" | "extern" => rest = after.trim_start(),
            "fn" | "struct" | "enum" | "union" | "impl" | "trait" | "type" | "const" | "static" => {
                // A word of prose in a block comment, or the end of one in a `use` list, is followed by neither.
                return after.starts_with([' ', '<']).then_some(word);
            }
            "macro_rules" => return Some(word),
            _ => return None,
        }
    }
}

/// An example says how to run it.
pub(super) fn example_header(path: &str, text: &str) -> Option<String> {
    let name = path.strip_prefix("examples/")?.strip_suffix("/src/main.rs")?;
    if name.contains('/') {
        return None;
    }
    let header = text.lines().take_while(|line| line.starts_with("//!"));
    let told = header.clone().any(|line| line.contains("cargo run -p"))
        || header.clone().any(|line| line.contains("cargo run --release -p"));
    if header.count() == 0 {
        Some(format!("{path}:1: an example starts with a `//!` header"))
    } else {
        (!told).then(|| format!("{path}:1: the header does not say `cargo run -p {name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(length("a.rs", &"x\n".repeat(400)), None);
        assert!(length("a.rs", &"x\n".repeat(401)).is_some());
    }

    #[test]
    fn each_forbidden_needle_is_found_with_its_line() {
        for (needle, _) in FORBIDDEN {
            let found = forbidden("a.rs", &format!("fn f() {{\n    {needle}\n}}\n"));
            assert_eq!(found.len(), 1, "{needle}");
            assert!(found[0].starts_with("a.rs:2: "), "{found:?}");
        }
        assert!(forbidden("a.rs", "#[expect(dead_code, reason = \"x\")]\n#[test]\n").is_empty());
    }

    #[test]
    fn this_file_does_not_find_itself() {
        assert_eq!(forbidden("rust.rs", include_str!("rust.rs")), [""; 0]);
    }

    #[test]
    fn definitions_in_a_table_of_contents_are_found() {
        for line in [
            "fn f() {",
            "pub fn f() {",
            "pub(crate) async fn f() {",
            "pub(in crate::a) struct S;",
            "struct S;",
            "pub enum E {",
            "impl<T> X for T {",
            "pub trait T {}",
            "pub type Result<T> = X<T>;",
            "const N: u8 = 1;",
            "    fn inner() {}",
            "macro_rules! m {",
        ] {
            assert_eq!(only_declarations("a/mod.rs", line).len(), 1, "{line}");
            assert!(only_declarations("a/other.rs", line).is_empty());
        }
        let good = "#![doc = include_str!(\"../README.md\")]\n//! fn\n#[cfg(test)]\npub(crate) mod a;\nmod b {}\n\
                    pub use a::{\n    F, structure,\n};\nuse b as types;\n";
        assert_eq!(only_declarations("lib.rs", good), [""; 0]);
    }

    #[test]
    fn an_example_without_its_command_is_found() {
        let path = "examples/first/src/main.rs";
        assert!(example_header(path, "fn main() {}\n").is_some());
        assert!(example_header(path, "//! The first.\nfn main() {} // cargo run -p first\n").is_some());
        assert!(example_header(path, "//! The first.\n//! `cargo run -p first`\n").is_none());
        assert!(example_header("crates/first/src/main.rs", "").is_none());
    }
}
