//! Conveniences over the trait, and ways to make an [`Upload`].

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt, future::BoxFuture, stream};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{
    Batch, BatchApi, ByteStream, ExpiresAfter, FileObject, FileQuery, Page, PageQuery, Result, Upload,
    UploadBody, wire::Listed,
};

/// Listings as streams. Implemented for every [`BatchApi`].
pub trait BatchApiExt: BatchApi {
    /// All files, page by page.
    fn files(&self, query: FileQuery) -> impl Stream<Item = Result<FileObject>> + Send {
        pages(query.page.after.clone(), move |after| {
            let mut query = query.clone();
            query.page.after = after;
            async move { self.list_files(&query).await }.boxed()
        })
    }

    /// All batches, page by page.
    fn batches(&self, query: PageQuery) -> impl Stream<Item = Result<Batch>> + Send {
        pages(query.after.clone(), move |after| {
            let query = PageQuery { after, ..query.clone() };
            async move { self.list_batches(&query).await }.boxed()
        })
    }
}

impl<T: BatchApi + ?Sized> BatchApiExt for T {}

/// Follows a listing to its end. A page that makes no progress (no entries, or a cursor that was asked for before)
/// ends it, whatever `has_more` says: some gateways would go on for ever. An entry that shows up on two pages, because
/// newer ones came in between or the service does not page at all, comes once.
fn pages<'a, T: Listed + Send + 'a>(
    after: Option<String>,
    get: impl Fn(Option<String>) -> BoxFuture<'a, Result<Page<T>>> + Send + 'a,
) -> impl Stream<Item = Result<T>> + Send + 'a {
    let asked: HashSet<String> = after.iter().cloned().collect();
    let state = (VecDeque::<T>::new(), HashSet::new(), Some(after), asked, get);
    stream::try_unfold(state, |(mut entries, mut seen, mut cursor, mut asked, get)| async move {
        loop {
            while let Some(entry) = entries.pop_front() {
                if seen.insert(entry.id().to_owned()) {
                    return Ok(Some((entry, (entries, seen, cursor, asked, get))));
                }
            }
            let Some(after) = cursor.take() else { return Ok(None) };
            let page = get(after).await?;
            cursor = page.next.filter(|next| !page.data.is_empty() && asked.insert(next.clone())).map(Some);
            entries.extend(page.data);
        }
    })
}

impl Upload {
    /// An upload of bytes in memory; may be repeated.
    pub fn from_bytes(filename: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let length = Some(bytes.len() as u64);
        Self::from_opener(filename, length, move || {
            let bytes = bytes.clone();
            async move { Ok(stream::iter([Ok(bytes)]).boxed()) }.boxed()
        })
    }

    /// An upload of a stream; tried once.
    pub fn from_stream(filename: impl Into<String>, length: Option<u64>, stream: ByteStream) -> Self {
        Self { filename: filename.into(), expires_after: None, body: UploadBody::Once { length, stream } }
    }

    /// An upload of a reader; tried once.
    pub fn from_reader(
        filename: impl Into<String>,
        length: Option<u64>,
        reader: impl AsyncRead + Send + Unpin + 'static,
    ) -> Self {
        const BLOCK: usize = 256 << 10;
        let blocks = stream::try_unfold(reader, |mut reader| async move {
            let mut block = Vec::with_capacity(BLOCK);
            (&mut reader).take(BLOCK as u64).read_to_end(&mut block).await?;
            Ok((!block.is_empty()).then(|| (Bytes::from(block), reader)))
        });
        Self::from_stream(filename, length, blocks.boxed())
    }

    /// An upload of a source that can be opened again for every try.
    pub fn from_opener(
        filename: impl Into<String>,
        length: Option<u64>,
        open: impl Fn() -> BoxFuture<'static, std::io::Result<ByteStream>> + Send + Sync + 'static,
    ) -> Self {
        let body = UploadBody::Replayable { length, open: Box::new(open) };
        Self { filename: filename.into(), expires_after: None, body }
    }

    /// The same upload with an expiry.
    #[must_use]
    pub fn expires_after(mut self, expiry: ExpiresAfter) -> Self {
        self.expires_after = Some(expiry);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures::TryStreamExt;

    use super::*;

    fn page(next: Option<&str>, ids: &[&str]) -> Page<FileObject> {
        let file = |id: &&str| serde_json::from_value(serde_json::json!({ "id": id })).unwrap();
        Page { data: ids.iter().map(file).collect(), has_more: true, next: next.map(str::to_owned) }
    }

    async fn walk(script: Vec<Page<FileObject>>) -> Vec<String> {
        let script = Arc::new(Mutex::new(VecDeque::from(script)));
        let get = move |_| {
            let page = script.lock().unwrap().pop_front().expect("asked for too many pages");
            async move { Ok(page) }.boxed()
        };
        pages(None, get).map_ok(|file| file.id.0).try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn a_listing_ends_when_it_makes_no_progress() {
        assert_eq!(walk(vec![page(Some("b"), &["a", "b"]), page(None, &["c"])]).await, ["a", "b", "c"]);
        let same_cursor = vec![page(Some("b"), &["a", "b"]), page(Some("b"), &["c"])];
        assert_eq!(walk(same_cursor).await, ["a", "b", "c"]);
        let empty_page = vec![page(Some("b"), &["a", "b"]), page(Some("z"), &[])];
        assert_eq!(walk(empty_page).await, ["a", "b"]);
    }

    #[tokio::test]
    async fn an_entry_that_shows_up_twice_comes_once() {
        let moved = vec![page(Some("b"), &["a", "b"]), page(None, &["b", "c"])];
        assert_eq!(walk(moved).await, ["a", "b", "c"]);
        let no_paging_at_all = vec![page(Some("b"), &["a", "b"]), page(Some("b"), &["a", "b"])];
        assert_eq!(walk(no_paging_at_all).await, ["a", "b"]);
    }
}
