//! Schemas, compiled once each.

use std::{collections::HashMap, sync::Arc};

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// How many compiled schemas are kept.
const KEPT: usize = 64;
/// What a schema may be: it is somebody's input, and validating recurses.
const MOST_BYTES: usize = 1 << 20;
const DEEPEST: usize = 64;
const PATTERN_BYTES: usize = 1 << 20;

/// A schema, or why it cannot be used.
pub(crate) type Compiled = Result<Arc<Validator>, Arc<str>>;

/// The schemas that were met last, by their text.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    compiled: HashMap<Box<str>, (Compiled, u64)>,
    uses: u64,
}

impl Schemas {
    pub(crate) fn get(&mut self, text: &str) -> Compiled {
        self.uses += 1;
        if let Some((compiled, used)) = self.compiled.get_mut(text) {
            *used = self.uses;
            return compiled.clone();
        }
        if self.compiled.len() >= KEPT {
            let oldest =
                self.compiled.iter().min_by_key(|(_, (_, used))| *used).map(|(text, _)| text.clone());
            oldest.and_then(|oldest| self.compiled.remove(&oldest));
        }
        let compiled = compile(text).map(Arc::new).map_err(Arc::from);
        // A text that is too long is told as quickly again; keeping it is what would cost.
        if text.len() <= MOST_BYTES {
            self.compiled.insert(text.into(), (compiled.clone(), self.uses));
        }
        compiled
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.compiled.len()
    }
}

fn compile(text: &str) -> Result<Validator, String> {
    if text.len() > MOST_BYTES {
        return Err(format!("it has {} bytes, at most {MOST_BYTES} are looked at", text.len()));
    }
    let schema: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let depth = depth(&schema);
    if depth > DEEPEST {
        return Err(format!("it is nested {depth} levels deep, at most {DEEPEST} are looked at"));
    }
    if let Some(loops) = refers_to_itself(&schema) {
        return Err(format!("\"$ref\": \"{loops}\" leads back to itself"));
    }
    let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
    jsonschema::options().with_pattern_options(patterns).build(&schema).map_err(|error| error.to_string())
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A chain of references, each of which says nothing but where to go on, that comes back: an instance would never be reached.
/// Combinations (`allOf` and its kin) apply to the same instance, so they are followed, too.
fn refers_to_itself(root: &Value) -> Option<String> {
    let mut starts = Vec::new();
    references(root, &mut starts);
    starts.sort();
    starts.dedup();
    starts.into_iter().find(|start| comes_back(root, start))
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("$ref") {
                found.push(to.clone());
            }
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Whether what `start` means applies `start` to the same instance again.
fn comes_back(root: &Value, start: &str) -> bool {
    let (mut todo, mut seen) = (vec![start.to_owned()], std::collections::HashSet::new());
    while let Some(at) = todo.pop() {
        let Some(target) = at.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) else { continue };
        let mut next = Vec::new();
        same_instance(target, &mut next);
        for reference in next {
            if reference == start {
                return true;
            }
            if seen.insert(reference.clone()) {
                todo.push(reference);
            }
        }
    }
    false
}

/// The references that a schema applies to the very instance that it is applied to.
fn same_instance(schema: &Value, found: &mut Vec<String>) {
    let Value::Object(members) = schema else { return };
    if let Some(Value::String(to)) = members.get("$ref") {
        found.push(to.clone());
    }
    for (name, value) in members {
        match (name.as_str(), value) {
            ("allOf" | "anyOf" | "oneOf", Value::Array(all)) => {
                all.iter().for_each(|schema| same_instance(schema, found));
            }
            ("not" | "if" | "then" | "else", schema) => same_instance(schema, found),
            ("dependentSchemas", Value::Object(all)) => {
                all.values().for_each(|schema| same_instance(schema, found));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_schemas_are_kept_however_many_there_are() {
        let mut schemas = Schemas::default();
        for number in 0..1000 {
            assert!(schemas.get(&format!("{{\"const\":{number}}}")).is_ok());
            assert!(schemas.get("{}").is_ok());
        }
        assert_eq!(schemas.len(), KEPT);
        assert!(schemas.compiled.contains_key("{}"), "the one that is used stays");
    }

    #[test]
    fn what_would_go_round_for_ever_is_not_used() {
        for text in [
            r##"{"$ref":"#"}"##,
            r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"anyOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}"##,
            r##"{"allOf":[{"not":{"$ref":"#"}}]}"##,
        ] {
            let error = compile(text).unwrap_err();
            assert!(error.contains("leads back to itself"), "{error}");
        }
        // A tree refers to itself, one level down each time.
        let tree = r##"{"type":"object","properties":{"left":{"anyOf":[{"$ref":"#"},{"type":"null"}]}}}"##;
        let validator = compile(tree).unwrap();
        assert!(validator.is_valid(&serde_json::json!({ "left": { "left": null } })));
        assert!(!validator.is_valid(&serde_json::json!({ "left": 7 })));
    }
}
