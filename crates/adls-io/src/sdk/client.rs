//! The legacy client, configured.

use std::sync::{Arc, atomic::AtomicBool};

use azure_core_legacy::{ClientOptions, RetryOptions, TransportOptions};
use azure_storage::CloudLocation;
use azure_storage_datalake::clients::{
    DataLakeClient, DataLakeClientBuilder, DirectoryClient, FileClient, FileSystemClient,
};

use super::{
    credential::legacy,
    policies::{AskForPage, Listen},
    transport::Transport,
};
use crate::{
    AzureCredential, AzureLakeOptions, Error, ErrorKind, LakePath, Location, Result,
    azure::{client::http_client, credential::CredentialKind, endpoint::Endpoint},
};

pub(super) struct SdkClient {
    lake: DataLakeClient,
    pub(super) endpoint: Endpoint,
    pub(super) credential: CredentialKind,
    pub(super) options: AzureLakeOptions,
    /// Whether the endpoint has ever answered.
    pub(super) heard: AtomicBool,
}

impl SdkClient {
    pub(super) fn new(
        endpoint: &str,
        credential: AzureCredential,
        options: AzureLakeOptions,
    ) -> Result<Self> {
        let wrong = |message: String| Error {
            subject: endpoint.split('?').next().unwrap_or_default().to_owned(),
            ..Error::new(ErrorKind::Invalid, "use", &Location::new("", LakePath::root()), message)
        };
        let endpoint = Endpoint::parse(endpoint, options.blob_endpoint.as_deref()).map_err(wrong)?;
        let kind = credential.clone().check(endpoint.dfs()).map_err(wrong)?.kind;
        let http = http_client(&endpoint, &options).map_err(wrong)?;
        let mut pipeline = ClientOptions::default()
            // What may be repeated is decided in `call` alone: the pipeline repeats renames and creates blindly, with
            // the date of the first try, and then reports the outcome of the second one.
            .retry(RetryOptions::none())
            .transport(TransportOptions::new(Arc::new(Transport(http))));
        pipeline.per_call_policies_mut().push(Arc::new(AskForPage));
        pipeline.per_retry_policies_mut().push(Arc::new(Listen));
        // Without the slash at its end, the crate would put the filesystem in the place of the path's last segment.
        let uri = format!("{}/", endpoint.dfs().as_str().trim_end_matches('/'));
        let location = CloudLocation::Custom { account: String::new(), uri };
        let lake = DataLakeClientBuilder::with_location(location, legacy(credential).map_err(wrong)?)
            .client_options(pipeline)
            .build();
        Ok(Self { lake, endpoint, credential: kind, options, heard: AtomicBool::new(false) })
    }

    pub(super) fn filesystem(&self, name: &str) -> FileSystemClient {
        let root = Location::new(name, LakePath::root());
        self.lake.file_system_client(encoded(&root).0)
    }

    pub(super) fn file(&self, at: &Location) -> FileClient {
        let (filesystem, path) = encoded(at);
        self.lake.file_system_client(filesystem).into_file_client(path)
    }

    pub(super) fn directory(&self, at: &Location) -> DirectoryClient {
        let (filesystem, path) = encoded(at);
        self.lake.file_system_client(filesystem).into_directory_client(path)
    }
}

/// Filesystem and path, percent-encoded by segment: the crate pastes both into an address as they are, where `?`
/// would begin a query, `#` a fragment, `%41` would be an `A` and `\` a slash.
pub(super) fn encoded(at: &Location) -> (String, String) {
    let both = Endpoint::rename_source(at, None);
    let both = both.trim_start_matches('/');
    let (filesystem, path) = both.split_once('/').unwrap_or((both, ""));
    (filesystem.to_owned(), path.to_owned())
}

#[cfg(test)]
mod tests {
    use azure_storage_datalake::clients::PathClient;

    use super::*;

    #[test]
    fn names_reach_the_address_as_they_are() {
        let options = AzureLakeOptions::default;
        let key = || AzureCredential::AccountKey {
            account: "devstoreaccount1".into(),
            key: azure_core::credentials::Secret::new("a2V5"),
        };
        for base in [
            "http://127.0.0.1:1/devstoreaccount1",
            "http://127.0.0.1:1/devstoreaccount1/",
            "http://127.0.0.1:1",
        ] {
            let client = SdkClient::new(base, key(), options()).unwrap();
            for name in
                ["a/b", "q?x", "h#x", "p%41", "%2e%2e/x", "back\\slash", "a b+c", "ü/测试", "c:", "..."]
            {
                let at = Location::new("input", LakePath::parse(name).unwrap());
                assert_eq!(client.file(&at).url().unwrap(), client.endpoint.path(&at), "{name}");
                assert_eq!(client.directory(&at).url().unwrap(), client.endpoint.path(&at), "{name}");
            }
        }
        assert!(SdkClient::new("http://10.0.0.1/", key(), options()).is_err(), "a key in the clear");
    }
}
