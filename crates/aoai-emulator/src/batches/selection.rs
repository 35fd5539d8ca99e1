//! `$filter` and `$orderby` of lists, as far as the documentation's examples go.

use crate::{
    config::ListFilter,
    server::{ApiError, Call, Query},
};

/// What a list leaves out, and its order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Selection {
    terms: Vec<Term>,
    /// None = the service's own order.
    pub(super) ascending: Option<bool>,
}

#[derive(Debug, PartialEq)]
enum Term {
    Created(Comparison, i64),
    Status(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Selection {
    pub(super) fn of(call: &Call, query: &Query, mode: ListFilter) -> Result<Self, ApiError> {
        let (filter, order) = (query.get("$filter"), query.get("$orderby"));
        if filter.is_none() && order.is_none()
            || mode == ListFilter::Ignore
            || !call.form.dated_since("2025-03-01")
        {
            return Ok(Self::default());
        }
        if mode == ListFilter::Refuse {
            return Err(ApiError::invalid("The query options $filter and $orderby are not supported."));
        }
        Self::parse(filter, order)
    }

    fn parse(filter: Option<&str>, order: Option<&str>) -> Result<Self, ApiError> {
        let ascending = match order {
            None => None,
            Some("created_at asc") => Some(true),
            Some("created_at" | "created_at desc") => Some(false),
            Some(other) => return Err(ApiError::invalid(format!("$orderby cannot be '{other}'"))),
        };
        let terms =
            filter.iter().flat_map(|filter| filter.split(" and ")).map(term).collect::<Result<_, _>>()?;
        Ok(Self { terms, ascending })
    }

    pub(super) fn admits(&self, created: i64, status: &str) -> bool {
        let plain = |text: &str| text.replace('_', "").to_ascii_lowercase();
        self.terms.iter().all(|term| match term {
            Term::Status(wanted) => plain(wanted) == plain(status),
            Term::Created(Comparison::Equal, at) => created == *at,
            Term::Created(Comparison::Greater, at) => created > *at,
            Term::Created(Comparison::GreaterOrEqual, at) => created >= *at,
            Term::Created(Comparison::Less, at) => created < *at,
            Term::Created(Comparison::LessOrEqual, at) => created <= *at,
        })
    }
}

fn term(text: &str) -> Result<Term, ApiError> {
    let invalid = || ApiError::invalid(format!("$filter cannot be '{text}'"));
    let words: Vec<_> = text.split_whitespace().collect();
    let [field, comparison, value] = words[..] else { return Err(invalid()) };
    let comparison = match comparison {
        "eq" => Comparison::Equal,
        "gt" => Comparison::Greater,
        "ge" => Comparison::GreaterOrEqual,
        "lt" => Comparison::Less,
        "le" => Comparison::LessOrEqual,
        _ => return Err(invalid()),
    };
    match (field, comparison) {
        ("created_at", comparison) => {
            value.parse().map(|at| Term::Created(comparison, at)).map_err(|_| invalid())
        }
        ("status", Comparison::Equal) => {
            let status = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
            status.map(|status| Term::Status(status.to_owned())).ok_or_else(invalid)
        }
        _ => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentations_own_example_is_understood() {
        let filter = "created_at gt 10 and created_at lt 20 and status eq 'InProgress'";
        let selection = Selection::parse(Some(filter), Some("created_at asc")).unwrap();
        assert_eq!(selection.ascending, Some(true));
        assert!(selection.admits(11, "in_progress"));
        assert!(!selection.admits(10, "in_progress") && !selection.admits(20, "in_progress"));
        assert!(!selection.admits(11, "completed"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for filter in ["created_at", "created_at gt x", "status gt 'a'", "status eq a", "model eq 'm'"] {
            assert!(Selection::parse(Some(filter), None).is_err(), "{filter}");
        }
        assert!(Selection::parse(None, Some("status asc")).is_err());
    }
}
