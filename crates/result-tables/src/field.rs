//! Fields of the request that become columns.

use std::{borrow::Cow, collections::HashMap, fmt, str::FromStr};

use serde_json::value::RawValue;

use super::{error::FieldError, text::any};

/// A field of the request line: names joined by dots (`body.metadata.ticket`), or a JSON pointer (`/body/messages/0/content`).
/// The column is named as the field is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestField {
    name: String,
    path: Vec<String>,
}

impl FromStr for RequestField {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        let path: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => {
                pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect()
            }
            None => text.split('.').map(str::to_owned).collect(),
        };
        if path.iter().any(String::is_empty) {
            return Err(FieldError::NoPath(text.to_owned()));
        }
        Ok(Self { name: text.to_owned(), path })
    }
}

impl fmt::Display for RequestField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl RequestField {
    /// The name of its column.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text in a request line: strings as they are, other values as JSON, `None` where it is not there or null.
    pub(crate) fn of<'a>(&self, request: &'a RawValue) -> Option<Cow<'a, str>> {
        let mut value = request;
        for name in &self.path {
            value = step(value, name)?;
        }
        any(value)
    }
}

/// One level down. Only this level is looked at.
fn step<'a>(value: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    let json = value.get();
    match json.as_bytes().first()? {
        b'{' => serde_json::from_str::<HashMap<Cow<'a, str>, &'a RawValue>>(json).ok()?.get(name).copied(),
        b'[' => {
            let position: usize = name.parse().ok()?;
            serde_json::from_str::<Vec<&'a RawValue>>(json).ok()?.get(position).copied()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_dots_and_by_pointers() {
        let line = r#"{"custom_id":"a","body":{"metadata":{"a.b":"dot","n":7},"messages":[{"content":"Hi"}],"x/y":null}}"#;
        let request: &RawValue = serde_json::from_str(line).unwrap();
        for (field, found) in [
            ("custom_id", Some("a")),
            ("body.metadata.n", Some("7")),
            ("/body/metadata/a.b", Some("dot")),
            ("/body/messages/0/content", Some("Hi")),
            ("body.messages", Some(r#"[{"content":"Hi"}]"#)),
            ("/body/x~1y", None),
            ("body.messages.1.content", None),
            ("body.metadata.n.deeper", None),
            ("nothing", None),
        ] {
            let field: RequestField = field.parse().unwrap();
            assert_eq!(field.of(request).as_deref(), found, "{field}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in ["", ".", "a..b", "/", "/a//b", "a."] {
            assert_eq!(bad.parse::<RequestField>(), Err(FieldError::NoPath(bad.to_owned())));
        }
    }
}
