//! One line of the table.

use std::borrow::Cow;

/// What is known of one request, in the order of the columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub(crate) custom_id: Cow<'a, str>,
    pub(crate) status: Option<i64>,
    pub(crate) content: Option<Cow<'a, str>>,
    pub(crate) refusal: Option<Cow<'a, str>>,
    pub(crate) finish_reason: Option<Cow<'a, str>>,
    pub(crate) prompt_tokens: Option<i64>,
    pub(crate) completion_tokens: Option<i64>,
    pub(crate) cached_tokens: Option<i64>,
    pub(crate) request_id: Option<Cow<'a, str>>,
    pub(crate) model: Option<Cow<'a, str>>,
    pub(crate) error_code: Option<Cow<'a, str>>,
    pub(crate) error_message: Option<Cow<'a, str>>,
    /// Those of the request, as asked for.
    pub(crate) fields: Vec<Option<Cow<'a, str>>>,
}

/// A value of a column.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    Text(Option<&'a str>),
    Number(Option<i64>),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
}

/// The columns that every table has.
pub(crate) const COLUMNS: [(&str, Kind); 12] = [
    ("custom_id", Kind::Text),
    ("status", Kind::Number),
    ("content", Kind::Text),
    ("refusal", Kind::Text),
    ("finish_reason", Kind::Text),
    ("prompt_tokens", Kind::Number),
    ("completion_tokens", Kind::Number),
    ("cached_tokens", Kind::Number),
    ("request_id", Kind::Text),
    ("model", Kind::Text),
    ("error_code", Kind::Text),
    ("error_message", Kind::Text),
];

impl Row<'_> {
    /// Its cells, in the order of the columns.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let fixed: [Cell<'_>; COLUMNS.len()] = [
            Cell::Text(Some(&self.custom_id)),
            Cell::Number(self.status),
            Cell::Text(self.content.as_deref()),
            Cell::Text(self.refusal.as_deref()),
            Cell::Text(self.finish_reason.as_deref()),
            Cell::Number(self.prompt_tokens),
            Cell::Number(self.completion_tokens),
            Cell::Number(self.cached_tokens),
            Cell::Text(self.request_id.as_deref()),
            Cell::Text(self.model.as_deref()),
            Cell::Text(self.error_code.as_deref()),
            Cell::Text(self.error_message.as_deref()),
        ];
        fixed.into_iter().chain(self.fields.iter().map(|field| Cell::Text(field.as_deref())))
    }
}
