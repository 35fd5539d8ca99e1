//! Rules for crates, from `cargo metadata`.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

/// Which of our crates each may depend on, exactly where it says so. The CLI and the examples may have all.
const RULES: [(&str, bool, &[&str]); 10] = [
    ("adls-io", true, &[]),
    ("aoai-batch-client", true, &[]),
    ("token-estimator", true, &[]),
    ("result-tables", true, &[]),
    ("structured-check", true, &[]),
    ("aoai-emulator", true, &[]),
    (
        "batch-orchestrator",
        true,
        &["adls-io", "aoai-batch-client", "result-tables", "structured-check", "token-estimator"],
    ),
    ("batch-ledger", false, &["aoai-batch-client", "batch-orchestrator"]),
    ("submission-model", true, &[]),
    ("xtask", true, &[]),
];
const CLI: &str = "aoai-batch-cli";
const README_AS_DOCS: &str = "#![doc = include_str!(\"../README.md\")]";

/// Dependencies go one way: the leaves know nothing of each other.
pub(super) fn dependencies(metadata: &Value) -> Vec<String> {
    let ours: BTreeSet<&str> = packages(metadata).iter().filter_map(|p| p["name"].as_str()).collect();
    let mut findings = Vec::new();
    for package in packages(metadata) {
        let name = package["name"].as_str().unwrap_or_default();
        let used: BTreeSet<&str> = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            // `null` is a normal dependency; the others are `dev` and `build`.
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|dependency| ours.contains(dependency))
            .collect();
        let Some((_, exact, allowed)) = RULES.iter().find(|(rule, ..)| *rule == name) else {
            if folder(package) == Some("crates") && name != CLI {
                findings
                    .push(format!("{name}: has no rule for its dependencies in xtask/src/tidy/crates.rs"));
            }
            continue;
        };
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        for dependency in used.difference(&allowed) {
            findings.push(format!("{name}: must not depend on {dependency}"));
        }
        if *exact {
            for dependency in allowed.difference(&used) {
                findings.push(format!("{name}: no longer depends on {dependency}; tighten the rule"));
            }
        }
    }
    for (name, ..) in RULES {
        if !ours.contains(name) {
            findings.push(format!("{name}: is not in the workspace, but in the dependency rules"));
        }
    }
    findings
}

/// Every crate says what it is; `read` gives a text by its path from the root.
pub(super) fn manifests(metadata: &Value, root: &Path, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages(metadata).iter().filter(|package| folder(package) == Some("crates")) {
        let name = package["name"].as_str().unwrap_or_default();
        for key in ["description", "license"] {
            if package[key].as_str().is_none_or(|value| value.trim().is_empty()) {
                findings.push(format!("{name}: Cargo.toml has no {key}"));
            }
        }
        let Some(directory) = relative(root, &package["manifest_path"], "/Cargo.toml") else {
            findings.push(format!("{name}: is outside of the repository"));
            continue;
        };
        if read(&format!("{directory}/README.md")).is_none_or(|text| text.trim().is_empty()) {
            findings.push(format!("{directory}/README.md: is missing or empty"));
        }
        for target in package["targets"].as_array().into_iter().flatten() {
            if !target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "lib")) {
                continue;
            }
            let source = relative(root, &target["src_path"], "").unwrap_or_default();
            if !read(&source).is_some_and(|text| text.starts_with(README_AS_DOCS)) {
                findings.push(format!("{source}:1: does not start with `{README_AS_DOCS}`"));
            }
        }
    }
    findings
}

fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().map_or(&[], Vec::as_slice)
}

/// The folder that the crate's own is in: `crates` or `examples`.
fn folder(package: &Value) -> Option<&str> {
    Path::new(package["manifest_path"].as_str()?).parent()?.parent()?.file_name()?.to_str()
}

fn relative(root: &Path, path: &Value, suffix: &str) -> Option<String> {
    let relative = Path::new(path.as_str()?).strip_prefix(root).ok()?;
    let text = relative.to_str()?.replace('\\', "/");
    text.strip_suffix(suffix).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A workspace that keeps the rules, but for what `add` adds: package, dependency, kind.
    fn workspace(add: &[(&str, &str, Value)]) -> Value {
        let packages: Vec<Value> = RULES
            .iter()
            .map(|(name, _, allowed)| {
                let normal = allowed.iter().map(|name| json!({ "name": name, "kind": null }));
                let added = add.iter().filter(|(to, ..)| to == name);
                let added = added.map(|(_, dependency, kind)| json!({ "name": dependency, "kind": kind }));
                let dependencies: Vec<Value> = normal.chain(added).collect();
                let manifest = format!("/r/crates/{name}/Cargo.toml");
                json!({ "name": name, "manifest_path": manifest, "dependencies": dependencies })
            })
            .collect();
        json!({ "packages": packages })
    }

    #[test]
    fn wrong_directions_are_found() {
        assert_eq!(dependencies(&workspace(&[])), [""; 0]);
        for (from, to) in [
            ("adls-io", "aoai-batch-client"),
            ("aoai-emulator", "adls-io"),
            ("token-estimator", "batch-orchestrator"),
            ("batch-orchestrator", "batch-ledger"),
            ("batch-orchestrator", "aoai-emulator"),
            ("batch-ledger", "adls-io"),
            ("xtask", "adls-io"),
        ] {
            let found = dependencies(&workspace(&[(from, to, Value::Null)]));
            assert_eq!(found, [format!("{from}: must not depend on {to}")]);
        }
    }

    #[test]
    fn tests_may_use_what_the_crate_may_not() {
        assert_eq!(dependencies(&workspace(&[("adls-io", "aoai-emulator", json!("dev"))])), [""; 0]);
    }

    #[test]
    fn crates_without_a_rule_and_rules_without_a_crate_are_found() {
        let mut metadata = workspace(&[]);
        metadata["packages"][0] =
            json!({ "name": "new", "manifest_path": "/r/crates/new/Cargo.toml", "dependencies": [] });
        let found = dependencies(&metadata);
        assert!(found.iter().any(|finding| finding.starts_with("new: has no rule")), "{found:?}");
        assert!(found.iter().any(|finding| finding.starts_with("adls-io: is not")), "{found:?}");
        let mut metadata = workspace(&[]);
        let with_dependencies = RULES.iter().position(|(_, exact, allowed)| *exact && !allowed.is_empty());
        let at = with_dependencies.expect("some crate depends on another");
        metadata["packages"][at]["dependencies"] = json!([]);
        assert_eq!(dependencies(&metadata).len(), RULES[at].2.len());
    }

    #[test]
    fn a_crate_that_does_not_say_what_it_is_is_found() {
        let package = json!({
            "name": "a", "description": "A", "license": "MIT", "manifest_path": "/r/crates/a/Cargo.toml",
            "targets": [{ "kind": ["lib"], "src_path": "/r/crates/a/src/lib.rs" }],
        });
        let read = |path: &str| match path {
            "crates/a/README.md" => Some("# a".to_owned()),
            "crates/a/src/lib.rs" => Some(format!("{README_AS_DOCS}\n")),
            _ => None,
        };
        let check = |package: &Value| manifests(&json!({ "packages": [package] }), Path::new("/r"), read);
        assert_eq!(check(&package), [""; 0]);
        for (key, value) in [
            ("description", Value::Null),
            ("license", json!("")),
            ("manifest_path", json!("/r/crates/b/Cargo.toml")),
            ("targets", json!([{ "kind": ["lib"], "src_path": "/r/crates/a/src/other.rs" }])),
        ] {
            let mut package = package.clone();
            package[key] = value;
            assert_eq!(check(&package).len(), 1, "{key}");
        }
    }
}
