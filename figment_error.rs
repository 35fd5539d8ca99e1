//! What is wrong with a configuration file, said so that it can be mended: the key, the place, the cure.

use figment::{Figment, Metadata, error::Kind};

use super::{Environment, layer::ENVIRONMENT};
use crate::error::CliError;

/// Turns the first error of an extraction into ours.
pub(super) fn explain(figment: &Figment, error: figment::Error) -> CliError {
    let mut path = error.path.clone();
    if let Kind::UnknownField(name, known) = &error.kind {
        if path.last() != Some(name) {
            path.push(name.clone());
        }
        let place = place(figment, &error, &path);
        return unknown_key(&path, name, known, &place);
    }
    let place = place(figment, &error, &path);
    let key = path.join(".");
    let what = match &error.kind {
        Kind::Message(message) => message.trim_end().to_owned(),
        Kind::UnknownVariant(found, known) => format!("{found:?} is none of {}", quoted(known)),
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("expected {expected}, found {found}")
        }
        other => other.to_string(),
    };
    if key.is_empty() {
        CliError::usage(format!("failed to read {place}")).caused_by(what)
    } else {
        CliError::usage(format!("{key} in {place}: {what}"))
    }
}

fn unknown_key(path: &[String], name: &str, known: &[&str], place: &str) -> CliError {
    let section = path[..path.len() - 1].join(".");
    let error = CliError::usage(format!("unknown key {} in {place}", path.join(".")));
    let looks_secret = ["key", "secret", "password", "sas"].iter().any(|word| name.contains(word));
    let error = match closest(name, known) {
        Some(meant) => error.hint(format!("did you mean {meant}?")),
        None if looks_secret && known.contains(&"key_env") => error.hint(
            "a secret is never written in the configuration file: put it in a variable and name that in key_env",
        ),
        None => error,
    };
    let holder = if section.is_empty() { "sections".to_owned() } else { format!("keys of [{section}]") };
    error.hint(format!("{holder}: {}", known.join(", ")))
}

/// Where the key at `path` was set.
fn place(figment: &Figment, error: &figment::Error, path: &[String]) -> String {
    let metadata = error.metadata.clone().or_else(|| figment.find_metadata(&path.join(".")).cloned());
    match metadata {
        Some(metadata) if metadata.name == ENVIRONMENT => {
            format!("the environment variable {}", Environment::variable_of(path))
        }
        Some(metadata) => file_of(&metadata),
        None => "the configuration".to_owned(),
    }
}

fn file_of(metadata: &Metadata) -> String {
    match metadata.source.as_ref().and_then(figment::Source::file_path) {
        Some(path) => path.display().to_string(),
        None => metadata.name.to_string(),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

/// The known name that is one or two slips away.
fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let slips = known.iter().map(|candidate| (distance(name, candidate), *candidate));
    slips.min().filter(|(slips, candidate)| *slips <= 1 + candidate.len() / 5).map(|(_, candidate)| candidate)
}

/// Levenshtein's.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_what_was_meant() {
        assert_eq!(closest("endpont", &["api", "endpoint", "auth"]), Some("endpoint"));
        assert_eq!(closest("zebra", &["api", "endpoint", "auth"]), None);
        assert_eq!((distance("kitten", "sitting"), distance("", "abc")), (3, 3));
    }
}
