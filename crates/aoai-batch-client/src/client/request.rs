//! Where requests go: pure, tested without a socket.

use reqwest::Method;
use url::Url;

use crate::{FileQuery, PageQuery};

/// The two forms of the API's URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiForm {
    /// `{endpoint}/openai/v1/files`.
    V1,
    /// `{endpoint}/openai/files?api-version=2024-10-21`.
    Dated(String),
    /// `{endpoint}/files`, for an endpoint that is a complete base such as `https://api.openai.com/v1`.
    Plain,
}

impl ApiForm {
    /// `v1`, `openai`, or a dated version.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "v1" => Self::V1,
            "openai" => Self::Plain,
            version => Self::Dated(version.to_owned()),
        }
    }
}

/// One request, but for credentials and body.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    /// Whether it changes something at the service.
    pub(super) mutates: bool,
    /// Whether it may be repeated although it may have been carried out.
    pub(super) idempotent: bool,
}

/// Builds URLs.
#[derive(Debug, Clone)]
pub(super) struct Urls {
    base: Url,
    form: ApiForm,
    import_version: String,
}

impl Urls {
    /// Normalises an endpoint: slashes, and a base that was given with the API's path.
    pub(super) fn new(endpoint: &Url, form: ApiForm, import_version: String) -> Self {
        let mut base = endpoint.clone();
        base.set_query(None);
        base.set_fragment(None);
        let mut segments: Vec<String> =
            endpoint.path().split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
        if form != ApiForm::Plain {
            segments.pop_if(|last| last == "v1");
            segments.pop_if(|last| last == "openai");
        }
        base.set_path(&segments.join("/"));
        Self { base, form, import_version }
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn upload(&self) -> Call {
        self.call("upload file", Method::POST, &["files"]).mutating(false)
    }

    /// The v1 reference has no import: it always takes the dated form.
    pub(super) fn import(&self) -> Call {
        let dated = match &self.form {
            ApiForm::Dated(_) => self.clone(),
            _ => Self { form: ApiForm::Dated(self.import_version.clone()), ..self.clone() },
        };
        dated.call("import file", Method::POST, &["files", "import"]).mutating(false)
    }

    pub(super) fn get_file(&self, id: &str) -> Call {
        self.call("get file", Method::GET, &["files", id])
    }

    pub(super) fn list_files(&self, query: &FileQuery) -> Call {
        let mut call = self.call("list files", Method::GET, &["files"]);
        if let Some(purpose) = &query.purpose {
            call.url.query_pairs_mut().append_pair("purpose", purpose);
        }
        page(&mut call.url, &query.page);
        call
    }

    pub(super) fn delete_file(&self, id: &str) -> Call {
        self.call("delete file", Method::DELETE, &["files", id]).mutating(true)
    }

    pub(super) fn content(&self, id: &str) -> Call {
        self.call("read file", Method::GET, &["files", id, "content"])
    }

    pub(super) fn create_batch(&self) -> Call {
        self.call("create batch", Method::POST, &["batches"]).mutating(false)
    }

    pub(super) fn get_batch(&self, id: &str) -> Call {
        self.call("get batch", Method::GET, &["batches", id])
    }

    pub(super) fn list_batches(&self, query: &PageQuery) -> Call {
        let mut call = self.call("list batches", Method::GET, &["batches"]);
        page(&mut call.url, query);
        call
    }

    pub(super) fn query_batches(&self, query: &[(&str, &str)]) -> Call {
        let mut call = self.call("list batches", Method::GET, &["batches"]);
        call.url.query_pairs_mut().extend_pairs(query);
        call
    }

    pub(super) fn cancel_batch(&self, id: &str) -> Call {
        self.call("cancel batch", Method::POST, &["batches", id, "cancel"]).mutating(true)
    }

    fn call(&self, operation: &'static str, method: Method, path: &[&str]) -> Call {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            match self.form {
                ApiForm::V1 => segments.extend(["openai", "v1"]),
                ApiForm::Dated(_) => segments.push("openai"),
                ApiForm::Plain => &mut segments,
            };
            // Pushing encodes: an id is opaque, and must not become a path.
            segments.extend(path);
        }
        if let ApiForm::Dated(version) = &self.form {
            url.query_pairs_mut().append_pair("api-version", version);
        }
        Call { operation, method, url, mutates: false, idempotent: true }
    }
}

impl Call {
    fn mutating(self, idempotent: bool) -> Self {
        Self { mutates: true, idempotent, ..self }
    }
}

fn page(url: &mut Url, query: &PageQuery) {
    if let Some(after) = &query.after {
        url.query_pairs_mut().append_pair("after", after);
    }
    if let Some(limit) = query.limit {
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(endpoint: &str, form: ApiForm) -> Urls {
        Urls::new(&endpoint.parse().unwrap(), form, "2024-10-21".into())
    }

    #[test]
    fn both_forms_from_any_spelling_of_the_endpoint() {
        for endpoint in [
            "https://n.openai.azure.com",
            "https://n.openai.azure.com/",
            "https://n.openai.azure.com//openai/",
            "https://n.openai.azure.com/openai/v1/",
        ] {
            let v1 = urls(endpoint, ApiForm::V1).get_batch("b");
            assert_eq!(v1.url.as_str(), "https://n.openai.azure.com/openai/v1/batches/b", "{endpoint}");
            let dated = urls(endpoint, ApiForm::Dated("2024-10-21".into())).get_file("f");
            assert_eq!(
                dated.url.as_str(),
                "https://n.openai.azure.com/openai/files/f?api-version=2024-10-21",
                "{endpoint}"
            );
        }
        let plain = urls("https://api.openai.com/v1", ApiForm::Plain).upload();
        assert_eq!(plain.url.as_str(), "https://api.openai.com/v1/files");
    }

    #[test]
    fn a_prefix_is_kept_and_import_is_dated() {
        let urls = urls("http://127.0.0.1:9/proxy/a", ApiForm::V1);
        assert_eq!(urls.create_batch().url.as_str(), "http://127.0.0.1:9/proxy/a/openai/v1/batches");
        assert_eq!(
            urls.import().url.as_str(),
            "http://127.0.0.1:9/proxy/a/openai/files/import?api-version=2024-10-21"
        );
    }

    #[test]
    fn pages_filters_and_hostile_ids_are_encoded() {
        let urls = urls("https://h", ApiForm::V1);
        let query = FileQuery {
            purpose: Some("batch".into()),
            page: PageQuery { after: Some("a&b".into()), limit: Some(5) },
        };
        assert_eq!(urls.list_files(&query).url.query(), Some("purpose=batch&after=a%26b&limit=5"));
        assert_eq!(urls.get_file("../batches?x#y").url.path(), "/openai/v1/files/..%2Fbatches%3Fx%23y");
    }

    #[test]
    fn a_query_of_ones_own_is_added_to_the_version() {
        let urls = urls("https://h", ApiForm::Dated("2025-04-01-preview".into()));
        let url = urls.query_batches(&[("$filter", "created_at gt 1")]).url;
        let pairs: Vec<_> = url.query_pairs().collect();
        assert_eq!(
            pairs,
            [
                ("api-version".into(), "2025-04-01-preview".into()),
                ("$filter".into(), "created_at gt 1".into())
            ]
        );
        assert_eq!(url.path(), "/openai/batches");
    }

    #[test]
    fn only_what_can_be_repeated_is_called_idempotent() {
        let urls = urls("https://h", ApiForm::V1);
        let flags = |call: Call| (call.mutates, call.idempotent);
        assert_eq!(flags(urls.create_batch()), (true, false));
        assert_eq!(flags(urls.upload()), (true, false));
        assert_eq!(flags(urls.import()), (true, false));
        assert_eq!(flags(urls.delete_file("f")), (true, true));
        assert_eq!(flags(urls.cancel_batch("b")), (true, true));
        assert_eq!(flags(urls.get_batch("b")), (false, true));
    }
}
