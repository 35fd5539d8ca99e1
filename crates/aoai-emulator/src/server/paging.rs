//! Query strings and cursors.

use std::collections::BTreeMap;

use super::ApiError;

/// The decoded query of a URL; the first value of a repeated key counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    pub(crate) fn parse(raw: &str) -> Self {
        let mut values = BTreeMap::new();
        for (key, value) in
            reqwest::Url::parse(&format!("http://query/?{raw}")).iter().flat_map(reqwest::Url::query_pairs)
        {
            values.entry(key.into_owned()).or_insert_with(|| value.into_owned());
        }
        Self(values)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// `limit` within `least..=most`, or the default.
    pub(crate) fn limit(&self, least: usize, most: usize, default: usize) -> Result<usize, ApiError> {
        let Some(text) = self.get("limit") else { return Ok(default) };
        match text.parse() {
            Ok(limit) if (least..=most).contains(&limit) => Ok(limit),
            _ => Err(ApiError::invalid(format!("limit must be between {least} and {most}, not '{text}'"))),
        }
    }
}

/// One page of a list.
#[derive(Debug, PartialEq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) has_more: bool,
}

impl<T> Page<T> {
    /// Cuts a page out of `all`, which is in list order.
    ///
    /// `position` finds the item that `after` names; an unknown cursor is an error, as nothing can follow it.
    pub(crate) fn cut(
        all: Vec<T>,
        after: Option<&str>,
        limit: usize,
        id: impl Fn(&T) -> &str,
    ) -> Result<Self, ApiError> {
        let start = match after {
            None => 0,
            Some(cursor) => {
                all.iter()
                    .position(|item| id(item) == cursor)
                    .ok_or_else(|| ApiError::invalid(format!("no item '{cursor}' to list after")))?
                    + 1
            }
        };
        let has_more = all.len().saturating_sub(start) > limit;
        Ok(Self { items: all.into_iter().skip(start).take(limit).collect(), has_more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(after: Option<&str>, limit: usize) -> Result<(Vec<&'static str>, bool), ApiError> {
        Page::cut(vec!["a", "b", "c"], after, limit, |item| item).map(|page| (page.items, page.has_more))
    }

    #[test]
    fn pages_follow_the_cursor() {
        assert_eq!(cut(None, 2).unwrap(), (vec!["a", "b"], true));
        assert_eq!(cut(Some("b"), 2).unwrap(), (vec!["c"], false));
        assert_eq!(cut(Some("c"), 2).unwrap(), (vec![], false));
        assert!(cut(Some("x"), 2).is_err());
    }

    #[test]
    fn limits_are_checked() {
        assert_eq!(Query::parse("limit=5").limit(1, 100, 20).unwrap(), 5);
        assert_eq!(Query::parse("").limit(1, 100, 20).unwrap(), 20);
        assert!(Query::parse("limit=101").limit(1, 100, 20).is_err());
        assert!(Query::parse("limit=x").limit(1, 100, 20).is_err());
    }
}
