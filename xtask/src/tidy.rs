//! `cargo xtask tidy`: the rules of this repository that no compiler checks. All findings are listed, not the first.

use std::{fs, path::Path, process::Command};

use crate::{
    run::{self, Outcome},
    say,
};

mod crates;
mod rust;
mod text;

/// Where a file may be no larger than this, in bytes: what is larger does not belong into a repository.
const MAX_BYTES: u64 = 1024 * 1024;

/// A file of the repository; `text` where it is UTF-8.
struct File {
    path: String,
    bytes: u64,
    text: Option<String>,
}

pub(crate) fn run() -> Outcome {
    let root = run::root();
    let files = files(&root)?;
    let metadata = run::metadata()?;

    let mut findings = crates::dependencies(&metadata);
    findings.extend(crates::manifests(&metadata, &root, |path| {
        files.iter().find(|file| file.path == path).and_then(|file| file.text.clone())
    }));
    for file in &files {
        findings.extend(check(&root, file));
    }
    if !files.iter().any(|file| file.path == "CHANGELOG.md") {
        findings.push("CHANGELOG.md: is missing".to_owned());
    }

    findings.sort();
    findings.dedup();
    for finding in &findings {
        say::error(finding);
    }
    if findings.is_empty() {
        say::line(&format!("tidy: {} files, no findings", files.len()));
        return Ok(());
    }
    Err(format!("{} findings in {} files", findings.len(), files.len()))
}

/// Everything that one file alone can be found guilty of.
fn check(root: &Path, file: &File) -> Vec<String> {
    let path = file.path.as_str();
    let mut findings = Vec::new();
    if file.bytes > MAX_BYTES {
        findings.push(format!("{path}: {} bytes, more than {MAX_BYTES}", file.bytes));
    }
    let Some(text) = &file.text else { return findings };
    findings.extend(text::markers(path, text));
    findings.extend(text::private_names(path, text));
    if path.ends_with(".rs") {
        findings.extend(rust::length(path, text));
        findings.extend(rust::forbidden(path, text));
        findings.extend(rust::only_declarations(path, text));
        findings.extend(rust::example_header(path, text));
    }
    if path.ends_with(".md") {
        findings.extend(text::links(path, text, |target| root.join(target).exists()));
    }
    if path == "CHANGELOG.md" {
        findings.extend(text::changelog(path, text));
    }
    findings
}

/// What is in the repository or would be with the next `git add`; not what is only in the index any more.
fn files(root: &Path) -> Result<Vec<File>, String> {
    let mut git = Command::new("git");
    // A checkout in a container often belongs to another user.
    git.current_dir(root).args(["-c", "safe.directory=*"]);
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listing = String::from_utf8(run::output(&mut git)?).map_err(|e| format!("git ls-files: {e}"))?;
    let mut names: Vec<&str> = listing.split_terminator('\0').collect();
    names.sort_unstable();
    names.dedup();
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let path = root.join(name);
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_file() {
            let bytes = fs::read(&path).map_err(|e| format!("{name}: {e}"))?;
            files.push(File {
                path: name.to_owned(),
                bytes: metadata.len(),
                text: String::from_utf8(bytes).ok(),
            });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_found_whatever_it_holds() {
        let file = |bytes| File { path: "data.bin".into(), bytes, text: None };
        assert_eq!(check(Path::new("."), &file(MAX_BYTES)), [""; 0]);
        assert_eq!(check(Path::new("."), &file(MAX_BYTES + 1)).len(), 1);
    }

    #[test]
    fn every_check_of_a_file_is_made() {
        let file = |path: &str, text: &str| File { path: path.into(), bytes: 1, text: Some(text.into()) };
        let found = |file: &File| check(Path::new("/nowhere"), file).len();
        assert_eq!(found(&file("crates/a/src/lib.rs", "pub fn f() {}\n")), 1);
        assert_eq!(found(&file("examples/a/src/main.rs", "fn main() {}\n")), 1);
        assert_eq!(found(&file("README.md", "[x](gone.md)\n")), 1);
        assert_eq!(found(&file("CHANGELOG.md", "# Changelog\n")), 1);
        assert_eq!(found(&file("crates/a/src/x.rs", &"\n".repeat(401))), 1);
    }
}
