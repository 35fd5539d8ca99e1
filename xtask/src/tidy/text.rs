//! Rules for texts: Markdown and everything else that is UTF-8.

/// Put together, so that this file does not find itself.
const MARKERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
/// A directory beside the clone, which nobody else has.
const PRIVATE: &str = concat!("../", "shared");

/// Nothing is left to be done by a reader.
pub(super) fn markers(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for word in line.split(|c: char| !c.is_alphanumeric() && c != '_') {
            if MARKERS.contains(&word) {
                findings.push(format!("{path}:{number}: `{word}`: do it, or file an issue"));
            }
        }
    }
    findings
}

/// Nothing depends on what is not in the repository.
pub(super) fn private_names(path: &str, text: &str) -> Vec<String> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| line.contains(PRIVATE));
    lines.map(|(number, _)| format!("{path}:{number}: names `{PRIVATE}`, which a clone has not")).collect()
}

/// The changelog has a place for the next entry.
pub(super) fn changelog(path: &str, text: &str) -> Option<String> {
    let wanted = "## Unreleased";
    (!text.lines().any(|line| line.trim_end() == wanted)).then(|| format!("{path}: no `{wanted}`"))
}

/// Relative links lead somewhere. `exists` is asked with paths from the root of the repository.
pub(super) fn links(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    // Those READMEs are the documentation of crates too, and rustdoc checks its own links.
    let rustdoc = path.starts_with("crates/");
    let mut findings = Vec::new();
    for (number, target) in targets(text) {
        let file = target.split(['#', '?']).next().unwrap_or_default();
        if file.is_empty() || has_scheme(&target) || (rustdoc && is_rust_path(&target)) {
            continue;
        }
        let resolved = resolve(directory, &percent_decoded(file));
        if !resolved.is_some_and(|file| exists(&file)) {
            findings.push(format!("{path}:{number}: the link `{target}` leads nowhere"));
        }
    }
    findings
}

/// The targets of inline links and of link definitions, outside of code, with their line numbers.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        let prose = without_code(line);
        let mut rest = prose.as_str();
        if let Some((_, target)) = rest.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            found.push((number, first_word(target)));
        }
        while let Some((_, after)) = rest.split_once("](") {
            found.push((number, first_word(after.split(')').next().unwrap_or_default())));
            rest = after;
        }
    }
    found
}

/// The target without its title and without angle brackets.
fn first_word(target: &str) -> String {
    let target = target.trim();
    match target.strip_prefix('<').and_then(|target| target.split_once('>')) {
        Some((target, _)) => target.to_owned(),
        None => target.split_whitespace().next().unwrap_or_default().to_owned(),
    }
}

/// A line without its `code`; an odd backtick at the end begins nothing.
fn without_code(line: &str) -> String {
    let pieces: Vec<&str> = line.split('`').collect();
    let odd = pieces.len().is_multiple_of(2).then(|| pieces.len() - 1);
    let prose = pieces.iter().enumerate().filter(|(at, _)| at % 2 == 0 || Some(*at) == odd);
    prose.map(|(_, piece)| *piece).collect()
}

fn has_scheme(target: &str) -> bool {
    target.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.starts_with(':') && !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

fn is_rust_path(target: &str) -> bool {
    target.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '!' | '(' | ')' | '@'))
}

/// A path from the root of the repository; `None` where it leaves it.
fn resolve(directory: &str, target: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    let from = if target.starts_with('/') { "" } else { directory };
    for segment in from.split('/').chain(target.split('/')) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            _ => segments.push(segment),
        }
    }
    Some(segments.join("/"))
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_as_words() {
        for marker in MARKERS {
            assert_eq!(markers("a.md", &format!("x\n// {marker}: later\n")).len(), 1, "{marker}");
            assert!(markers("a.sh", &format!("mktemp /tmp/a.{marker}{marker}\n")).is_empty());
        }
        assert_eq!(markers("text.rs", include_str!("text.rs")), [""; 0]);
    }

    #[test]
    fn private_names_are_found() {
        assert_eq!(private_names("a.sh", &format!("cat {PRIVATE}/x\n")).len(), 1);
        assert_eq!(private_names("text.rs", include_str!("text.rs")), [""; 0]);
    }

    #[test]
    fn a_changelog_without_a_next_version_is_found() {
        assert!(changelog("CHANGELOG.md", "# Changelog\n\n## 1.0.0\n").is_some());
        assert!(changelog("CHANGELOG.md", "# Changelog\n\n## Unreleased\n").is_none());
    }

    #[test]
    fn dead_links_are_found() {
        let exists = |path: &str| ["docs/a.md", "README.md", "docs/b c.md"].contains(&path);
        let found = |text: &str| links("docs/x.md", text, exists).len();
        assert_eq!(found("[a](a.md) [r](../README.md#top) [b](b%20c.md \"title\") [c](<b c.md>)\n"), 0);
        assert_eq!(found("[a](gone.md)"), 1);
        assert_eq!(found("[a](a.md)[`code`](gone.md)"), 1);
        assert_eq!(found("[a]: gone.md\n"), 1);
        assert_eq!(found("[up](../../outside.md)"), 1);
        assert_eq!(found("[w](https://example.com/x) [m](mailto:a@example.com) [h](#here)"), 0);
        assert_eq!(found("`[a](gone.md)`\n```text\n[a](gone.md)\n```\n"), 0);
        assert_eq!(found("[T](a::T)"), 1);
    }

    #[test]
    fn rustdoc_links_are_left_to_rustdoc() {
        let found = |text: &str| links("crates/a/README.md", text, |_| false).len();
        assert_eq!(found("[T](crate::a::T) [f](f()) [U](U)"), 0);
        assert_eq!(found("[T](T.md)"), 1);
    }
}
