//! The lake of a round, as somebody who is not the program sees it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{http, worker::is_leftover};
use crate::{
    emulator::{ACCOUNT, Ready},
    run::Outcome,
};

const CLAIMS: &str = "_aoai-batch/claims/";
/// Names of its three places, which are directories or filesystems.
pub(super) const PLACES: [&str; 3] = ["input", "processed", "error"];

/// Paths with their content; directories have none.
pub(super) type Tree = BTreeMap<String, Option<Vec<u8>>>;

/// Where files are.
#[derive(Debug, Clone)]
pub(super) enum Lake {
    /// Directories of this machine.
    Local(PathBuf),
    /// The emulator's storage account: its management interface, and its DFS endpoint.
    Account { manage: String, endpoint: String },
}

impl Lake {
    pub(super) fn account(ready: &Ready) -> Self {
        Self::Account {
            manage: format!("{}/_emulator/lake/{ACCOUNT}", ready.url),
            endpoint: ready.endpoint.clone(),
        }
    }

    /// Puts a file into the input directory.
    pub(super) fn put(&self, path: &str, text: &str) -> Outcome {
        match self {
            Self::Local(root) => {
                let path = root.join("input").join(path);
                let written = match path.parent() {
                    Some(parent) => fs::create_dir_all(parent).and_then(|()| fs::write(&path, text)),
                    None => fs::write(&path, text),
                };
                written.map_err(|e| format!("{}: {e}", path.display()))
            }
            Self::Account { manage, .. } => {
                http::send("PUT", &format!("{manage}/input/{path}"), text.as_bytes()).map(drop)
            }
        }
    }

    /// All that is in one of the places, without content.
    pub(super) fn names(&self, place: &str) -> Result<Tree, String> {
        let mut tree = Tree::new();
        match self {
            Self::Local(root) => walk(&root.join(place), "", &mut tree)?,
            Self::Account { manage, .. } => {
                let listed = http::json(&format!("{manage}/{place}"))?;
                for entry in listed.as_array().ok_or_else(|| format!("no list: {listed}"))? {
                    let path = entry["path"].as_str().ok_or_else(|| format!("no path: {entry}"))?;
                    let content = (entry["directory"] == false).then(Vec::new);
                    tree.insert(path.to_owned(), content);
                }
            }
        }
        Ok(tree)
    }

    /// All that is in one of the places.
    pub(super) fn read(&self, place: &str) -> Result<Tree, String> {
        let mut tree = self.names(place)?;
        for (path, content) in &mut tree {
            let Some(content) = content else { continue };
            *content = self.content(place, path)?;
        }
        Ok(tree)
    }

    fn content(&self, place: &str, path: &str) -> Result<Vec<u8>, String> {
        match self {
            Self::Local(root) => {
                let path = root.join(place).join(path);
                fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))
            }
            Self::Account { endpoint, .. } => http::get(&format!("{endpoint}/{place}/{path}")),
        }
    }

    /// The ledger that a claim marker names, if there is a marker.
    pub(super) fn claimant(&self) -> Result<Option<String>, String> {
        let tree = self.names("processed")?;
        let is_marker = |path: &&String| path.starts_with(CLAIMS) && !is_leftover(path);
        let Some(path) = tree.keys().find(is_marker) else { return Ok(None) };
        // The faults that are meant for the program are met here, too.
        let mut tries = (0..10).map(|_| self.content("processed", path));
        let content = tries.find(Result::is_ok).ok_or_else(|| format!("{path} cannot be read"))??;
        let marker: Value = serde_json::from_slice(&content).map_err(|e| format!("a claim marker: {e}"))?;
        let ledger =
            marker["ledger"].as_str().ok_or_else(|| format!("a marker without a ledger: {marker}"))?;
        Ok(Some(ledger.to_owned()))
    }

    /// Whether nothing is left to do: no input, and no claim on one.
    pub(super) fn is_done(&self) -> Result<bool, String> {
        let file = |tree: &Tree, what: &str| {
            tree.iter().any(|(path, content)| content.is_some() && path.contains(what))
        };
        Ok(!file(&self.names("input")?, ".jsonl") && !file(&self.names("processed")?, CLAIMS))
    }
}

fn walk(directory: &Path, prefix: &str, tree: &mut Tree) -> Outcome {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        // It has gone while we looked, or was never made.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", directory.display())),
    };
    for entry in entries {
        let entry = entry.map_err(|e| format!("{}: {e}", directory.display()))?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{path}/"), tree)?;
            tree.insert(path, None);
        } else {
            tree.insert(path, Some(Vec::new()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_local_lake_is_done_when_input_and_claims_are_gone() {
        let scratch = Scratch::new("kill-lake").unwrap();
        let lake = Lake::Local(scratch.path().to_owned());
        assert!(lake.is_done().unwrap());
        lake.put("sub/a.jsonl", "x").unwrap();
        assert!(!lake.is_done().unwrap());
        let tree = lake.read("input").unwrap();
        assert_eq!(tree["sub"], None);
        assert_eq!(tree["sub/a.jsonl"].as_deref(), Some(&b"x"[..]));
        fs::remove_file(scratch.path().join("input/sub/a.jsonl")).unwrap();
        assert_eq!(lake.claimant().unwrap(), None);
        scratch.write("processed/_aoai-batch/claims/1.json", "{\"ledger\":\"me\"}").unwrap();
        assert!(!lake.is_done().unwrap());
        assert_eq!(lake.claimant().unwrap().as_deref(), Some("me"));
    }
}
