//! Listings.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Whether there are more.
    pub has_more: bool,
    /// Where the next page starts; `None` ends the listing.
    pub next: Option<String>,
}

/// What an entry is continued after.
pub(crate) trait Listed {
    /// Its id.
    fn id(&self) -> &str;
}

impl Listed for super::FileObject {
    fn id(&self) -> &str {
        &self.id.0
    }
}

impl Listed for super::Batch {
    fn id(&self) -> &str {
        &self.id.0
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Wire<T> {
    data: Option<Vec<T>>,
    value: Option<Vec<T>>,
    has_more: Option<bool>,
    last_id: Option<String>,
}

impl<'de, T: DeserializeOwned + Listed> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::<T>::deserialize(deserializer)?;
        // The batch how-to shows a list under `value`.
        let data = wire.data.or(wire.value).unwrap_or_default();
        let last =
            wire.last_id.filter(|id| !id.is_empty()).or_else(|| data.last().map(|e| e.id().to_owned()));
        // Captured lists leave fields out. Taking a list for complete that is not would hide a batch that was paid
        // for, so one that does not say is asked for more; whoever pages stops where there is nothing new.
        let has_more = wire.has_more.unwrap_or(!data.is_empty());
        Ok(Self { next: last.filter(|_| has_more), data, has_more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileObject;

    #[test]
    fn both_names_of_the_list_and_both_ways_to_continue_are_understood() {
        let page = |text: &str| serde_json::from_str::<Page<FileObject>>(text).unwrap();
        assert_eq!(page(r#"{"value":[{"id":"a"}]}"#).data[0].id.0, "a");
        assert_eq!(page(r#"{"data":[{"id":"a"}],"has_more":true}"#).next.as_deref(), Some("a"));
        assert_eq!(page(r#"{"data":[{"id":"a"}],"has_more":true,"last_id":"z"}"#).next.as_deref(), Some("z"));
        assert_eq!(page(r#"{"data":[{"id":"a"}],"has_more":false,"last_id":"a"}"#).next, None);
        assert_eq!(
            page(r#"{"data":[{"id":"a"}]}"#).next.as_deref(),
            Some("a"),
            "it does not say that it is all"
        );
        assert_eq!(page(r#"{"object":"list"}"#).data, []);
        assert_eq!(page(r#"{"data":[]}"#).next, None);
    }
}
