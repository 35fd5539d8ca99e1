//! One call of the legacy crate and its retries: the rules of `azure::client`, over the other pipeline.

use std::{future::Future, sync::atomic::Ordering, time::Duration};

use azure_core::http::headers::Headers;
use azure_core_legacy::{Context, error::ErrorKind as LegacyKind};

use super::{
    client::SdkClient,
    policies::{Heard, Slot},
};
use crate::{
    Error, ErrorKind, Location,
    azure::{
        client::Failure,
        refusal::{Refusal, unreachable_words},
        retry::{Tries, is_transient, retry_after},
    },
};

/// A successful call.
pub(super) struct Done<T> {
    pub(super) value: T,
    /// The answer's headers, as they came.
    pub(super) headers: Headers,
}

/// Why one try failed.
struct Failed {
    error: Error,
    /// Whether another try is worth it, and how long the service asked to wait.
    again: Option<Option<Duration>>,
    /// It may have taken effect.
    doubtful: bool,
}

impl SdkClient {
    /// Sends until there is an answer worth telling. `send` makes the request anew for each try, so that each has a
    /// date of its own; what it is given belongs into the request's context.
    pub(super) async fn call<T, F, S>(
        &self,
        operation: &'static str,
        at: &Location,
        send: S,
    ) -> Result<Done<T>, Failure>
    where
        F: Future<Output = azure_core_legacy::Result<T>> + Send,
        S: Fn(Context) -> F + Send + Sync,
        T: Send,
    {
        let mut tries = Tries::default();
        loop {
            let failed = match self.attempt(operation, at, &send).await {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            let Some(asked) = failed.again else {
                return Err(Failure { error: failed.error, doubtful: tries.doubtful });
            };
            tries.doubtful |= failed.doubtful;
            tries.again(&self.options.retry, self.heard.load(Ordering::Relaxed), failed.error, asked).await?;
        }
    }

    async fn attempt<T, F, S>(
        &self,
        operation: &'static str,
        at: &Location,
        send: &S,
    ) -> Result<Done<T>, Failed>
    where
        F: Future<Output = azure_core_legacy::Result<T>> + Send,
        S: Fn(Context) -> F + Send + Sync,
        T: Send,
    {
        let (slot, limit) = (Slot::default(), self.options.request_timeout);
        let mut context = Context::new();
        context.insert(slot.clone());
        let Ok(outcome) = tokio::time::timeout(limit, send(context)).await else {
            let message = format!("no answer within {limit:?}");
            let error = self.error(ErrorKind::Unavailable, operation, at, message);
            return Err(Failed { error, again: Some(None), doubtful: true });
        };
        let heard = slot.take();
        if heard.is_some() {
            self.heard.store(true, Ordering::Relaxed);
        }
        match (outcome, heard) {
            (Ok(value), heard) => {
                Ok(Done { value, headers: heard.map_or_else(Headers::new, |heard| heard.headers) })
            }
            (Err(_), Some(heard)) if !(200..300).contains(&heard.status) => {
                Err(self.refused(operation, at, &heard))
            }
            // It was done, but the crate does not understand how the service says so.
            (Err(error), Some(_)) => {
                let message = format!("the service's answer cannot be read: {}", words(&error));
                let error = self.error(ErrorKind::Io, operation, at, message);
                Err(Failed { error, again: None, doubtful: true })
            }
            (Err(error), None) => Err(self.unanswered(operation, at, &error)),
        }
    }

    fn refused(&self, operation: &'static str, at: &Location, heard: &Heard) -> Failed {
        let refusal = Refusal { status: heard.status, headers: &heard.headers, body: &heard.body };
        Failed {
            error: refusal.error(operation, at, &self.credential),
            again: is_transient(heard.status).then(|| retry_after(&heard.headers)),
            // 429 and 503 are said before anything is done; what else failed may have got through.
            doubtful: !matches!(heard.status, 429 | 503),
        }
    }

    fn unanswered(&self, operation: &'static str, at: &Location, error: &azure_core_legacy::Error) -> Failed {
        let (kind, message, again) = match (error.kind(), error.get_ref()) {
            (LegacyKind::Io, Some(cause)) => {
                let host = self.endpoint.dfs().host_str().unwrap_or_default();
                (ErrorKind::Unavailable, unreachable_words(cause, host), Some(None))
            }
            (LegacyKind::Credential, _) => {
                let message = format!("the identity gives no token: {}", words(error));
                (ErrorKind::PermissionDenied, message, None)
            }
            _ => (ErrorKind::Invalid, words(error), None),
        };
        // The pipeline calls every failure `Io`; the HTTP client below it knows whether a connection was there.
        let unsent = error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect);
        Failed { error: self.error(kind, operation, at, message), again, doubtful: !unsent }
    }

    fn error(&self, kind: ErrorKind, operation: &'static str, at: &Location, message: String) -> Error {
        Error::new(kind, operation, at, self.credential.redact(message))
    }
}

/// What an error of the crate says, with its cause, if it has one.
fn words(error: &azure_core_legacy::Error) -> String {
    error.get_ref().map_or_else(|| error.to_string(), ToString::to_string)
}
