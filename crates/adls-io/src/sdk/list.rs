//! Listings, page by page.

use std::sync::Arc;

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};

use super::{client::SdkClient, policies::Page};
use crate::{
    Entry, Error, ErrorKind, ListMode, Location, Result,
    azure::{
        answer::etag,
        list::{explain, listed},
    },
};

/// Lists a directory.
pub(super) fn list(
    client: Arc<SdkClient>,
    directory: Location,
    mode: ListMode,
) -> BoxStream<'static, Result<Entry>> {
    let start = Some((None, client, directory));
    let pages = stream::unfold(start, move |state| async move {
        let (token, client, directory) = state?;
        match page(&client, &directory, mode, token).await {
            Ok((entries, token)) => {
                let entries: Vec<_> = entries.into_iter().map(Ok).collect();
                Some((stream::iter(entries), token.map(|token| (Some(token), client, directory))))
            }
            Err(error) => Some((stream::iter(vec![Err(error)]), None)),
        }
    });
    pages.flatten().boxed()
}

/// One page, asked for by itself, so that it can be repeated: the crate's own stream ends with its first failure. It
/// is the filesystem's list with a directory, as the directory's own puts the filesystem's name before the path.
async fn page(
    client: &SdkClient,
    directory: &Location,
    mode: ListMode,
    token: Option<String>,
) -> Result<(Vec<Entry>, Option<String>)> {
    let filesystem = client.filesystem(&directory.filesystem);
    let wanted = Page { size: client.options.page_size.clamp(1, 5_000), token };
    let done = client.call("list", directory, |mut context| {
        context.insert(wanted.clone());
        let mut list = filesystem.list_paths().recursive(mode.is_deep()).context(context);
        if !directory.path.is_root() {
            list = list.directory(directory.path.as_str().to_owned());
        }
        let mut pages = list.into_stream();
        async move {
            let first = pages.next().await;
            first.unwrap_or_else(|| Err(azure_core_legacy::error::ErrorKind::Other.into_error()))
        }
    });
    let page = match done.await {
        Ok(done) => done.value,
        Err(failure) => return Err(explain(client, directory, failure.error).await),
    };
    let mut entries = Vec::with_capacity(page.paths.len());
    for path in page.paths {
        let size = (!path.is_directory).then(|| u64::try_from(path.content_length).unwrap_or(0));
        let modified_ms = path.last_modified.unix_timestamp().saturating_mul(1000);
        entries.extend(listed(directory, mode, &path.name, size, etag(path.etag.as_ref()), modified_ms)?);
    }
    let next = page.continuation.map(|token| token.as_str().to_owned());
    if next.is_some() && next == wanted.token {
        let message = "the listing does not advance: the service gives the same page again";
        return Err(Error::new(ErrorKind::Io, "list", directory, message));
    }
    Ok((entries, next))
}
