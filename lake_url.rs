//! Where a directory of the lake is.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
};

/// A directory of a lake.
///
/// Names are taken literally: `%20` in one is those three characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LakeUrl {
    /// `abfss://FILESYSTEM@HOST/DIRECTORY`
    Azure {
        /// Such as `account.dfs.core.windows.net`.
        account_host: String,
        /// The filesystem (the container).
        filesystem: String,
        /// Without slashes at its ends; empty for the root.
        directory: String,
    },
    /// `file:./relative` or `file:///absolute`
    Local {
        /// Absolute.
        path: PathBuf,
    },
}

impl LakeUrl {
    /// Parses one; a relative path starts at `base`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str, base: &Path) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("abfss://") {
            azure(text, rest)
        } else if let Some(rest) = text.strip_prefix("file:") {
            local(text, rest, base)
        } else {
            Err(format!(
                "{text:?} is neither \"abfss://FILESYSTEM@ACCOUNT.dfs.core.windows.net/directory\" nor \
                 \"file:./directory\""
            ))
        }
    }

    /// Whether `other` is this directory or lies below it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Local { path }, Self::Local { path: other }) => other.starts_with(path),
            (
                Self::Azure { account_host, filesystem, directory },
                Self::Azure { account_host: host, filesystem: system, directory: other },
            ) => account_host == host && filesystem == system && Path::new(other).starts_with(directory),
            _ => false,
        }
    }
}

impl fmt::Display for LakeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Azure { account_host, filesystem, directory } => {
                write!(f, "abfss://{filesystem}@{account_host}/{directory}")
            }
            Self::Local { path } => write!(f, "file:{}", path.display()),
        }
    }
}

fn azure(text: &str, rest: &str) -> Result<LakeUrl, String> {
    let form = || format!("{text:?} is not of the form \"abfss://FILESYSTEM@ACCOUNT.dfs.core.windows.net/directory\"");
    let (authority, directory) = rest.split_once('/').unwrap_or((rest, ""));
    let (filesystem, host) = authority.split_once('@').ok_or_else(form)?;
    let host_is_sound = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    if filesystem.is_empty() || !host_is_sound {
        return Err(form());
    }
    let directory = directory.trim_matches('/');
    if directory.split('/').any(|part| part == "." || part == ".." || (part.is_empty() && !directory.is_empty())) {
        return Err(format!("{text:?} has an empty, \".\" or \"..\" segment in its directory"));
    }
    Ok(LakeUrl::Azure {
        account_host: host.to_ascii_lowercase(),
        filesystem: filesystem.to_owned(),
        directory: directory.to_owned(),
    })
}

fn local(text: &str, rest: &str, base: &Path) -> Result<LakeUrl, String> {
    let path = match rest.strip_prefix("//") {
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(_) => return Err(format!("{text:?} names a host; write \"file:///absolute\" or \"file:./relative\"")),
        None => rest,
    };
    if path.is_empty() {
        return Err(format!("{text:?} names no directory"));
    }
    Ok(LakeUrl::Local { path: plain(&base.join(path)) })
}

/// Without `.` and `..`, by text alone: the directory need not exist yet.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<LakeUrl, String> {
        LakeUrl::parse(text, Path::new("/conf/dir"))
    }

    #[test]
    fn azure_directories() {
        let url = parse("abfss://in@Account.dfs.core.windows.net/a dir/b%20c/").unwrap();
        assert_eq!(url.to_string(), "abfss://in@account.dfs.core.windows.net/a dir/b%20c");
        let LakeUrl::Azure { directory, .. } = parse("abfss://in@a.b").unwrap() else { panic!() };
        assert_eq!(directory, "");
        for bad in ["abfss://in/dir", "abfss://@host/dir", "abfss://in@/dir", "abfss://in@h/a/../b", "abfss://in@h/a//b"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn local_directories() {
        let local = |path: &str| Ok(LakeUrl::Local { path: path.into() });
        assert_eq!(parse("file:./inbox"), local("/conf/dir/inbox"));
        assert_eq!(parse("file:../inbox"), local("/conf/inbox"));
        assert_eq!(parse("file:///data/in"), local("/data/in"));
        assert_eq!(parse("file:/data/in"), local("/data/in"));
        assert!(parse("file://host/in").unwrap_err().contains("names a host"));
        assert!(parse("file:").is_err() && parse("s3://bucket").is_err());
    }

    #[test]
    fn a_directory_holds_what_is_below_it() {
        let holds = |a: &str, b: &str| parse(a).unwrap().holds(&parse(b).unwrap());
        assert!(holds("file:./in", "file:./in/out") && holds("file:./in", "file:in"));
        assert!(!holds("file:./in", "file:./inbox"));
        assert!(holds("abfss://f@h/", "abfss://f@h/out") && !holds("abfss://f@h/", "abfss://g@h/out"));
    }
}
