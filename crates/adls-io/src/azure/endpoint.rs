//! From locations to addresses, and back.

use azure_core::{credentials::Secret, http::Url};
use percent_encoding::percent_decode_str;

use crate::{LakePath, Location};

/// Where an account answers.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// The DFS base; its path, if any, is a prefix of every request's.
    dfs: Url,
    /// The base of blobs.
    blob: Url,
}

impl Endpoint {
    /// Reads the base addresses; the blob base is derived where it is not given.
    pub(crate) fn parse(dfs: &str, blob: Option<&str>) -> Result<Self, String> {
        let dfs = base(dfs)?;
        let blob = match blob {
            Some(text) => base(text)?,
            None => {
                let mut blob = dfs.clone();
                let host = dfs.host_str().unwrap_or_default().replacen(".dfs.", ".blob.", 1);
                blob.set_host(Some(&host)).map_err(|error| format!("no blob endpoint: {error}"))?;
                blob
            }
        };
        Ok(Self { dfs, blob })
    }

    pub(crate) fn dfs(&self) -> &Url {
        &self.dfs
    }

    pub(crate) fn filesystem(&self, name: &str) -> Url {
        below(&self.dfs, name, &LakePath::root())
    }

    pub(crate) fn path(&self, at: &Location) -> Url {
        below(&self.dfs, &at.filesystem, &at.path)
    }

    /// The address of a blob, without any secret.
    pub(crate) fn blob(&self, at: &Location) -> Url {
        below(&self.blob, &at.filesystem, &at.path)
    }

    /// The value of `x-ms-rename-source`: percent-encoded by segment, without account; with a SAS, that too, as the
    /// service checks the right to take the source away by it.
    pub(crate) fn rename_source(at: &Location, sas: Option<&Secret>) -> String {
        let mut url = below(&placeholder(), &at.filesystem, &at.path);
        url.set_query(sas.map(Secret::secret));
        match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        }
    }

    /// The location that an address of this account names; `None` for any other address. Query and fragment are
    /// not looked at.
    pub(crate) fn locate(&self, url: &str) -> Option<Location> {
        let url = Url::parse(url).ok()?;
        [&self.blob, &self.dfs].into_iter().find_map(|base| {
            if url.origin() != base.origin() {
                return None;
            }
            let rest = url.path().strip_prefix(base.path().trim_end_matches('/'))?.strip_prefix('/')?;
            let mut segments = rest.split('/').filter(|segment| !segment.is_empty()).map(|segment| {
                let decoded = percent_decode_str(segment).decode_utf8().ok()?;
                // An encoded slash would make two segments of one.
                (!decoded.contains('/')).then(|| decoded.into_owned())
            });
            let filesystem = segments.next()??;
            let path = segments.collect::<Option<Vec<_>>>()?.join("/");
            Some(Location::new(filesystem, LakePath::parse(&path).ok()?))
        })
    }
}

fn placeholder() -> Url {
    Url::parse("http://lake/").unwrap_or_else(|_| unreachable!("a constant address"))
}

fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("\"{text}\" is no address: {error}"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("\"{text}\" names no host"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        // A SAS belongs into the credential: here it would show in messages.
        return Err("the endpoint may not hold a query, a fragment or a user".to_owned());
    }
    Ok(url)
}

fn below(base: &Url, filesystem: &str, path: &LakePath) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        // `push` encodes what is special in a segment; without `pop_if_empty` a base that ends in `/` would give `//`.
        segments.pop_if_empty().push(filesystem).extend(path.segments());
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(filesystem: &str, path: &str) -> Location {
        Location::new(filesystem, LakePath::parse(path).unwrap())
    }

    #[test]
    fn every_name_survives_the_way_there_and_back() {
        let azure = Endpoint::parse("https://acct.dfs.core.windows.net", None).unwrap();
        let local = Endpoint::parse("http://127.0.0.1:10004/devstoreaccount1/", None).unwrap();
        for name in [
            "a/b",
            "q?x",
            "h#x",
            "p%41",
            "%",
            "back\\slash",
            "a b+c",
            "ü/测试",
            "semi;colon:",
            "...",
            " lead",
        ] {
            let at = at("input", name);
            for endpoint in [&azure, &local] {
                assert_eq!(endpoint.locate(endpoint.path(&at).as_str()).as_ref(), Some(&at), "{name}");
                assert_eq!(endpoint.locate(endpoint.blob(&at).as_str()).as_ref(), Some(&at), "{name}");
            }
        }
        assert_eq!(azure.path(&at("in", "a b")).as_str(), "https://acct.dfs.core.windows.net/in/a%20b");
        assert_eq!(azure.blob(&at("in", "x")).as_str(), "https://acct.blob.core.windows.net/in/x");
        assert_eq!(local.path(&at("in", "x")).as_str(), "http://127.0.0.1:10004/devstoreaccount1/in/x");
        assert_eq!(local.filesystem("in").as_str(), "http://127.0.0.1:10004/devstoreaccount1/in");
    }

    #[test]
    fn addresses_of_others_are_nothing_of_ours() {
        let azure = Endpoint::parse("https://acct.dfs.core.windows.net", None).unwrap();
        let local = Endpoint::parse("http://127.0.0.1:1/acct", None).unwrap();
        for url in [
            "https://other.blob.core.windows.net/in/x",
            "http://acct.blob.core.windows.net/in/x",
            "https://acct.blob.core.windows.net:8443/in/x",
            "https://acct.blob.core.windows.net",
            "https://acct.blob.core.windows.net/in/a%2Fb",
            "https://acct.blob.core.windows.net/in/%FF",
            "file:///in/x",
            "x",
        ] {
            assert_eq!(azure.locate(url), None, "{url}");
        }
        assert_eq!(local.locate("http://127.0.0.1:1/account/in/x"), None);
        assert_eq!(
            azure.locate("https://acct.blob.core.windows.net/in/a/../../x?sig=1"),
            Some(at("x", "")),
            "dots are resolved before we look"
        );
    }

    #[test]
    fn a_rename_source_is_encoded_and_has_no_account() {
        let at = at("input", "a b/ü?");
        assert_eq!(Endpoint::rename_source(&at, None), "/input/a%20b/%C3%BC%3F");
        let sas = Secret::new("sv=1&sig=a%2Bb".to_owned());
        assert_eq!(Endpoint::rename_source(&at, Some(&sas)), "/input/a%20b/%C3%BC%3F?sv=1&sig=a%2Bb");
    }

    #[test]
    fn an_endpoint_with_a_query_is_refused_without_showing_it() {
        let error = Endpoint::parse("https://a.dfs.core.windows.net/?sig=secret", None).unwrap_err();
        assert!(!error.contains("secret"), "{error}");
        assert!(Endpoint::parse("account", None).is_err());
    }
}
