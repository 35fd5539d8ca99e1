//! A file that is sent while it is validated: the same bytes, read once.

use std::time::Duration;

use adls_io::ByteStream as LakeStream;
use aoai_batch_client::{ByteStream, FileObject, Upload, UploadBody};
use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::send::expiry;
use crate::{
    model::{JobRecord, PartKey},
    reconcile::Context,
};

/// Chunks, of up to 1 MiB, that wait for the service.
const QUEUE: usize = 2;

/// A service that takes nothing for so long is not waited for: the file is validated alone.
const PATIENCE: Duration = Duration::from_mins(1);

/// The service's answer; `None` if the file was never sent to its end.
pub(crate) type Answer = Option<aoai_batch_client::Result<FileObject>>;

/// Passes a stream on to the service, as the input of the first generation of a first part, while whoever asked reads it.
///
/// # Guarantees
/// * The service gets all of it or a request that is cut: never a part of it that looks whole.
/// * Whatever becomes of the upload, the stream goes on.
/// * The answer comes once the stream has ended or is dropped, or before.
pub(crate) fn along<'c>(
    context: &'c Context,
    job: &JobRecord,
    body: LakeStream,
) -> (LakeStream, BoxFuture<'c, Answer>) {
    let (read, sent, cut) = tee(body);
    let upload = Upload {
        filename: PartKey { job: job.key.clone(), part: 1, attempt: 1 }.service_file(1),
        expires_after: expiry(context),
        body: UploadBody::Once { length: Some(job.input.size), stream: sent },
    };
    let answer = async move {
        tokio::select! {
            biased;
            answer = context.service.upload_file(upload) => Some(answer),
            () = cut => None,
        }
    };
    (read, Box::pin(answer))
}

/// The stream as it was, what the service gets of it, and when there is no point in waiting for its answer.
fn tee(body: LakeStream) -> (LakeStream, ByteStream, impl Future<Output = ()> + Send) {
    let (chunks, queue) = mpsc::channel(QUEUE);
    let (ended, end) = oneshot::channel();
    let cut = async {
        if end.await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    (read(body, Feed { chunks, ended }), sent(queue), cut)
}

/// The way to the service. Dropped before the end, it cuts the request.
struct Feed {
    /// `None` is the end.
    chunks: mpsc::Sender<Option<Bytes>>,
    ended: oneshot::Sender<()>,
}

impl Feed {
    /// Passes a chunk on; answers with the feed if the service takes more.
    async fn pass(self, chunk: Bytes) -> Option<Self> {
        matches!(timeout(PATIENCE, self.chunks.send(Some(chunk))).await, Ok(Ok(()))).then_some(self)
    }

    async fn end(self) {
        if let Ok(Ok(())) = timeout(PATIENCE, self.chunks.send(None)).await {
            // Without a receiver there is an answer already.
            let _ = self.ended.send(());
        }
    }
}

/// The stream as it was, passed on.
fn read(body: LakeStream, feed: Feed) -> LakeStream {
    let state = (body, Some(feed));
    let passed = stream::unfold(state, |(mut body, feed)| async move {
        let next = body.next().await;
        let feed = match (&next, feed) {
            (Some(Ok(chunk)), Some(feed)) => feed.pass(chunk.clone()).await,
            (None, Some(feed)) => {
                feed.end().await;
                None
            }
            _ => None,
        };
        Some((next?, (body, feed)))
    });
    passed.boxed()
}

/// What the service gets.
fn sent(queue: mpsc::Receiver<Option<Bytes>>) -> ByteStream {
    let chunks = stream::try_unfold(queue, |mut queue| async move {
        match queue.recv().await {
            Some(chunk) => Ok(chunk.map(|chunk| (chunk, queue))),
            None => Err(std::io::Error::other("the file is not sent to its end")),
        }
    });
    chunks.boxed()
}

#[cfg(test)]
mod tests {
    use adls_io::{ErrorKind, LakePath, Location};
    use futures::{FutureExt, TryStreamExt};

    use super::*;

    fn chunks(count: u8) -> Vec<adls_io::Result<Bytes>> {
        (0..count).map(|n| Ok(Bytes::from(vec![n; 3]))).collect()
    }

    fn body(chunks: Vec<adls_io::Result<Bytes>>) -> LakeStream {
        stream::iter(chunks).boxed()
    }

    #[tokio::test]
    async fn both_get_all_of_it() {
        let (read, sent, cut) = tee(body(chunks(9)));
        let (read, sent): (Result<Vec<_>, _>, Result<Vec<_>, _>) =
            futures::join!(read.try_collect(), sent.try_collect());
        assert_eq!(read.unwrap(), sent.unwrap());
        assert_eq!(cut.now_or_never(), None, "the answer is waited for");
    }

    #[tokio::test]
    async fn what_ends_early_is_cut() {
        let error = || {
            let at = Location::new("f", LakePath::root());
            Err(adls_io::Error::new(ErrorKind::Io, "read", &at, "broken"))
        };
        let broken = chunks(2).into_iter().chain([error()]).collect();
        let (read, sent, cut) = tee(body(broken));
        let (read, sent) = futures::join!(read.try_collect::<Vec<_>>(), sent.try_collect::<Vec<_>>());
        assert!(read.is_err());
        assert!(sent.is_err(), "half a file looks whole");
        cut.await;

        let (mut read, sent, cut) = tee(body(chunks(2)));
        assert!(read.next().await.is_some());
        drop(read);
        assert!(sent.try_collect::<Vec<_>>().await.is_err(), "half a file looks whole");
        cut.await;
    }

    #[tokio::test]
    async fn a_service_that_takes_no_more_is_left_behind() {
        let (read, sent, _cut) = tee(body(chunks(9)));
        drop(sent);
        assert_eq!(read.try_collect::<Vec<_>>().await.unwrap().len(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_hangs_is_not_waited_for() {
        let (read, sent, cut) = tee(body(chunks(9)));
        let begun = tokio::time::Instant::now();
        assert_eq!(read.try_collect::<Vec<_>>().await.unwrap().len(), 9);
        assert_eq!(begun.elapsed(), PATIENCE, "once, not for every chunk");
        cut.await;
        assert!(sent.try_collect::<Vec<_>>().await.is_err(), "half a file looks whole");
    }
}
