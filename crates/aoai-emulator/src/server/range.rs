//! Ranges of bytes.

/// Which bytes a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All: the header is of a kind that may be ignored.
    All,
    Part {
        first: u64,
        last: u64,
    },
    /// None that exist.
    Nothing,
}

impl Wanted {
    pub(crate) fn parse(header: &str, size: u64) -> Self {
        let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
        else {
            return Self::All;
        };
        match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first > last => Self::All,
            (Ok(first), _) if first >= size => Self::Nothing,
            (Ok(first), Ok(last)) => Self::Part { first, last: last.min(size - 1) },
            (Ok(first), Err(_)) if last.is_empty() => Self::Part { first, last: size - 1 },
            (Err(_), Ok(0)) if first.is_empty() => Self::Nothing,
            (Err(_), Ok(_)) if first.is_empty() && size == 0 => Self::Nothing,
            (Err(_), Ok(count)) if first.is_empty() => {
                Self::Part { first: size.saturating_sub(count), last: size - 1 }
            }
            _ => Self::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_says() {
        let part = |first, last| Wanted::Part { first, last };
        assert_eq!(Wanted::parse("bytes=2-4", 10), part(2, 4));
        assert_eq!(Wanted::parse("bytes=2-", 10), part(2, 9));
        assert_eq!(Wanted::parse("bytes=2-99", 10), part(2, 9));
        assert_eq!(Wanted::parse("bytes=-3", 10), part(7, 9));
        assert_eq!(Wanted::parse("bytes=-30", 10), part(0, 9));
        assert_eq!(Wanted::parse("bytes=10-", 10), Wanted::Nothing);
        assert_eq!(Wanted::parse("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(Wanted::parse("bytes=4-2", 10), Wanted::All);
        assert_eq!(Wanted::parse("lines=1-2", 10), Wanted::All);
        assert_eq!(Wanted::parse("bytes=0-1,3-4", 10), Wanted::All);
    }
}
