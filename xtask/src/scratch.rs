//! Temporary directories that go when their scenario ends.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A directory of our own, removed when it is dropped.
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let base = std::env::temp_dir();
        let process = std::process::id();
        for attempt in 0..1000 {
            let path = base.join(format!("aoai-batch-xtask-{name}-{process}-{attempt}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                // Left behind by a process of the same id that was killed.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
        Err(format!("{}: no free name for a directory", base.display()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.path.join(name);
        let written = match path.parent() {
            Some(parent) => fs::create_dir_all(parent).and_then(|()| fs::write(&path, text)),
            None => fs::write(&path, text),
        };
        written.map_err(|e| format!("{}: {e}", path.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody is left to be told; the system clears its temporary directory.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Every file below a directory, as paths relative to it with `/`, sorted; nothing where there is no directory.
pub(crate) fn files_below(directory: &Path) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut open = vec![(directory.to_owned(), String::new())];
    while let Some((path, prefix)) = open.pop() {
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && prefix.is_empty() => continue,
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        for entry in entries {
            let entry = entry.map_err(|e| format!("{}: {e}", path.display()))?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                open.push((entry.path(), format!("{name}/")));
            } else {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_directory_lists_its_files_and_goes() {
        let scratch = Scratch::new("test").unwrap();
        scratch.write("b/c d.txt", "x").unwrap();
        scratch.write("a.txt", "x").unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(files_below(&path).unwrap(), ["a.txt", "b/c d.txt"]);
        assert!(files_below(&path.join("none")).unwrap().is_empty());
        drop(scratch);
        assert!(!path.exists());
    }
}
