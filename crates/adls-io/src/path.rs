//! Paths of a lake: untrusted input until they are a [`LakePath`].

use std::fmt;

/// A path below the root of a filesystem: segments joined by `/`, none of them empty, `.` or `..`.
///
/// The empty path is the root. Any other character is legal, as in ADLS Gen2; at most 1,024 characters.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct LakePath(String);

/// Why a text is not a [`LakePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A segment is `.` or `..`.
    #[error("the path has a segment `.` or `..`")]
    Traversal,
    /// It holds a NUL.
    #[error("the path holds a NUL character")]
    Nul,
    /// Longer than 1,024 characters.
    #[error("the path has {0} characters, of 1,024 allowed")]
    TooLong(usize),
}

impl LakePath {
    /// The root.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a path; leading, trailing and doubled slashes are dropped.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut path = String::with_capacity(text.len());
        for segment in text.split('/').filter(|s| !s.is_empty()) {
            if segment == "." || segment == ".." {
                return Err(PathError::Traversal);
            }
            if segment.contains('\0') {
                return Err(PathError::Nul);
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(segment);
        }
        match path.chars().count() {
            n if n > 1024 => Err(PathError::TooLong(n)),
            _ => Ok(Self(path)),
        }
    }

    /// The path as text, without a leading slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The segments.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|s| !s.is_empty())
    }

    /// This path with `relative` below it.
    pub fn join(&self, relative: &str) -> Result<Self, PathError> {
        Self::parse(&format!("{}/{relative}", self.0))
    }

    /// The last segment; empty for the root.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The directory that holds this path; the root's parent is the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        Self(self.0.rsplit_once('/').map(|(parent, _)| parent.to_owned()).unwrap_or_default())
    }

    /// The rest of this path below `directory`, if it lies there.
    #[must_use]
    pub fn relative_to(&self, directory: &Self) -> Option<Self> {
        if directory.is_root() {
            return Some(self.clone());
        }
        let rest = self.0.strip_prefix(&directory.0)?;
        if rest.is_empty() {
            return Some(Self::root());
        }
        rest.strip_prefix('/').map(|rest| Self(rest.to_owned()))
    }
}

impl fmt::Display for LakePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for LakePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(&text)
    }
}

impl From<LakePath> for String {
    fn from(path: LakePath) -> Self {
        path.0
    }
}

/// A path in a filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Location {
    /// The filesystem (container).
    pub filesystem: String,
    /// The path in it.
    pub path: LakePath,
}

impl Location {
    /// A location.
    pub fn new(filesystem: impl Into<String>, path: LakePath) -> Self {
        Self { filesystem: filesystem.into(), path }
    }

    /// The location of `relative` below this one.
    pub fn join(&self, relative: &str) -> Result<Self, PathError> {
        Ok(Self { filesystem: self.filesystem.clone(), path: self.path.join(relative)? })
    }

    /// The directory that holds this location.
    #[must_use]
    pub fn parent(&self) -> Self {
        Self { filesystem: self.filesystem.clone(), path: self.path.parent() }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.filesystem, self.path)
    }
}
