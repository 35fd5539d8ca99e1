//! What the conditions mean, once for all backends that decide them themselves.

use crate::{Condition, ETag, EntryKind, Error, ErrorKind, Location, ReadOptions, Result};

/// What stands at a destination.
pub(crate) type Standing<'a> = Option<(EntryKind, &'a ETag)>;

/// Whether a file may be put where `standing` is.
pub(crate) fn check_destination(
    operation: &'static str,
    at: &Location,
    condition: &Condition,
    standing: Standing<'_>,
) -> Result<()> {
    let (kind, message) = match (condition, standing) {
        (Condition::IfAbsent, Some(_)) => (ErrorKind::AlreadyExists, "the path already exists"),
        (_, Some((EntryKind::Directory, _))) => (ErrorKind::WrongType, "the path is a directory"),
        (Condition::IfMatch(wanted), Some((_, found))) if wanted != found => {
            (ErrorKind::Precondition, "the file is another version")
        }
        (Condition::IfMatch(_), None) => (ErrorKind::Precondition, "the file is gone"),
        _ => return Ok(()),
    };
    Err(Error::new(kind, operation, at, message))
}

/// Whether a file is the version its user expects.
pub(crate) fn check_version(
    operation: &'static str,
    at: &Location,
    wanted: Option<&ETag>,
    found: &ETag,
) -> Result<()> {
    match wanted {
        Some(wanted) if wanted != found => {
            Err(Error::new(ErrorKind::Precondition, operation, at, "the file is another version"))
        }
        _ => Ok(()),
    }
}

/// The first byte to read and how many; an offset past the end is an error, one at the end reads nothing.
pub(crate) fn range(at: &Location, options: &ReadOptions, size: u64) -> Result<(u64, u64)> {
    let Some(rest) = size.checked_sub(options.offset) else {
        let message = format!("the offset {} is past the end at {size}", options.offset);
        return Err(Error::new(ErrorKind::Invalid, "read", at, message));
    };
    Ok((options.offset, options.length.unwrap_or(rest).min(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Location {
        Location::new("fs", LakePath::parse("a").unwrap())
    }

    use crate::LakePath;

    #[test]
    fn conditions_on_what_stands_there() {
        let (old, new) = (ETag("1".into()), ETag("2".into()));
        let kind = |condition: Condition, standing| {
            check_destination("write", &at(), &condition, standing).err().map(|e| e.kind)
        };
        let file = Some((EntryKind::File, &old));
        let directory = Some((EntryKind::Directory, &old));
        assert_eq!(kind(Condition::Always, None), None);
        assert_eq!(kind(Condition::Always, file), None);
        assert_eq!(kind(Condition::Always, directory), Some(ErrorKind::WrongType));
        assert_eq!(kind(Condition::IfAbsent, None), None);
        assert_eq!(kind(Condition::IfAbsent, file), Some(ErrorKind::AlreadyExists));
        assert_eq!(kind(Condition::IfAbsent, directory), Some(ErrorKind::AlreadyExists));
        assert_eq!(kind(Condition::IfMatch(old.clone()), file), None);
        assert_eq!(kind(Condition::IfMatch(new.clone()), file), Some(ErrorKind::Precondition));
        assert_eq!(kind(Condition::IfMatch(new.clone()), directory), Some(ErrorKind::WrongType));
        assert_eq!(kind(Condition::IfMatch(new), None), Some(ErrorKind::Precondition));
    }

    #[test]
    fn ranges_stay_inside_the_file() {
        let of = |offset, length| range(&at(), &ReadOptions { offset, length, if_match: None }, 10).ok();
        assert_eq!(of(0, None), Some((0, 10)));
        assert_eq!(of(4, Some(3)), Some((4, 3)));
        assert_eq!(of(4, Some(u64::MAX)), Some((4, 6)));
        assert_eq!(of(10, None), Some((10, 0)));
        assert_eq!(of(11, None), None);
    }
}
