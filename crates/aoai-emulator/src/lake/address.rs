//! Names: from URLs to places in the lake and back.
//!
//! A place is kept as its *key*: the names of its path joined by NUL. NUL sorts before everything else, so keys in
//! order are the tree, depth first and by name, and no name can hold it.

use super::LakeError;

/// The service counts characters of the whole path.
const MAX_PATH: usize = 1_024;
pub(super) const SEPARATOR: char = '\0';
/// Sorts directly behind everything below a key.
pub(super) const BEHIND: char = '\u{1}';

/// What the path of a URL names. Parts that are not there are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) account: String,
    pub(crate) filesystem: String,
    pub(crate) key: String,
}

impl Address {
    /// Reads `/{account}/{filesystem}/{path}`.
    pub(crate) fn parse(raw: &str) -> Result<Self, LakeError> {
        let path = decode(raw).ok_or_else(LakeError::invalid_uri)?;
        let mut names = path.split('/').filter(|name| !name.is_empty());
        let account = names.next().unwrap_or_default().to_owned();
        let filesystem = names.next().unwrap_or_default().to_owned();
        let key = join(names)?;
        Ok(Self { account, filesystem, key })
    }

    /// A place whose path is not encoded.
    pub(crate) fn new(account: &str, filesystem: &str, path: &str) -> Result<Self, LakeError> {
        Ok(Self { account: account.to_owned(), filesystem: filesystem.to_owned(), key: key(path)? })
    }

    pub(crate) fn path(&self) -> String {
        path(&self.key)
    }

    /// Reads the value of `x-ms-rename-source`: `/{filesystem}/{path}`, encoded in part or in whole, perhaps with a
    /// signature behind it, which the gate has looked at.
    pub(super) fn parse_source(account: &str, raw: &str) -> Result<Self, LakeError> {
        let path = raw.split_once('?').map_or(raw, |(path, _)| path);
        // URL libraries agree to encode these; some leave `|` and `^` as they are.
        let unencoded = |byte: u8| !byte.is_ascii_graphic() || b"\"<>\\`{}".contains(&byte);
        if path.bytes().any(unencoded) {
            return Err(LakeError::invalid_source_uri());
        }
        let path =
            decode(path).filter(|path| path.starts_with('/')).ok_or_else(LakeError::invalid_source_uri)?;
        let mut names = path.split('/').filter(|name| !name.is_empty());
        let filesystem = names.next().unwrap_or_default().to_owned();
        let key = join(names)?;
        if key.is_empty() {
            return Err(LakeError::invalid_source_uri());
        }
        Ok(Self { account: account.to_owned(), filesystem, key })
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> Result<String, LakeError> {
    let names: Vec<&str> = names.collect();
    // Joined by one character each, keys are as long as paths.
    let key = names.join("\0");
    let odd = names.iter().any(|name| name.contains(SEPARATOR));
    if odd || key.chars().count() > MAX_PATH { Err(LakeError::invalid_uri()) } else { Ok(key) }
}

/// The key of a path that is not encoded.
pub(super) fn key(path: &str) -> Result<String, LakeError> {
    join(path.split('/').filter(|name| !name.is_empty()))
}

pub(super) fn path(key: &str) -> String {
    key.replace(SEPARATOR, "/")
}

/// The key of the directory that holds this; the root's is empty.
pub(super) fn parent(key: &str) -> &str {
    key.rsplit_once(SEPARATOR).map_or("", |(parent, _)| parent)
}

/// Undoes percent-encoding; none if that does not give text. An encoded slash separates like a plain one, as it does
/// on the service.
fn decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = tail.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(filesystem: &str, key: &str) -> Address {
        Address { account: "acc".into(), filesystem: filesystem.into(), key: key.into() }
    }

    #[test]
    fn names_are_decoded_and_empty_ones_vanish() {
        assert_eq!(Address::parse("/acc").unwrap(), address("", ""));
        assert_eq!(Address::parse("//acc/fs//a%20b/%C3%BC/").unwrap(), address("fs", "a b\0ü"));
        assert_eq!(Address::parse("/acc/fs/a%2Fb").unwrap(), address("fs", "a\0b"));
    }

    #[test]
    fn what_is_no_text_or_too_long_is_refused() {
        for bad in ["/acc/fs/%ff", "/acc/fs/%4", "/acc/fs/%+1", "/acc/fs/a%00b"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
        assert!(Address::parse(&format!("/acc/fs/{}", "ü".repeat(1_024))).is_ok());
        assert!(Address::parse(&format!("/acc/fs/{}", "x".repeat(1_025))).is_err());
    }

    #[test]
    fn sources_come_encoded_in_part_or_whole() {
        let wanted = address("fs", "a b\0c?");
        for good in ["/fs/a%20b/c%3F", "%2Ffs%2Fa%20b%2Fc%3f", "/fs/a%20b/c%3F?sv=1&sig=x"] {
            assert_eq!(Address::parse_source("acc", good).unwrap(), wanted, "{good}");
        }
        for bad in ["/fs/a b", "fs/a", "/fs", "/fs/ü", "/fs/%zz"] {
            assert!(Address::parse_source("acc", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_sort_depth_first() {
        let mut keys: Vec<String> =
            ["a!", "a/b/c", "a", "b", "a/b"].iter().map(|path| key(path).unwrap()).collect();
        keys.sort();
        let paths: Vec<String> = keys.iter().map(|key| path(key)).collect();
        assert_eq!(paths, ["a", "a/b", "a/b/c", "a!", "b"]);
        assert_eq!((parent("a\0b\0c"), parent("a")), ("a\0b", ""));
    }
}
