//! The places that this worker brings, and those of them that it uses by itself.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Mutex;

use crate::ledger::{ClaimRequest, Claims, Ledger, LedgerError, WorkerId};

/// A file that is sent while it is validated is at the service before it is a part in the ledger. So long the worker brings
/// one place less: nobody else takes it.
pub(crate) struct Window {
    worker: WorkerId,
    used: AtomicUsize,
    /// One at a time tells the ledger how many are left, or an older number would be the last.
    telling: Mutex<()>,
}

/// A place in the window, until it is dropped.
pub(crate) struct Place<'w>(&'w Window);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Window {
    pub(super) fn new(worker: WorkerId) -> Self {
        Self { worker, used: AtomicUsize::new(0), telling: Mutex::default() }
    }

    /// Claims, with the places that are left.
    pub(super) async fn claim(
        &self,
        ledger: &dyn Ledger,
        request: ClaimRequest,
    ) -> Result<Claims, LedgerError> {
        let _telling = self.telling.lock().await;
        let window = request.window.saturating_sub(self.used.load(Ordering::Relaxed));
        ledger.claim(&ClaimRequest { window, ..request }).await
    }

    /// Takes a place, if one is free.
    pub(super) async fn take(
        &self,
        ledger: &dyn Ledger,
        places: usize,
        ttl: std::time::Duration,
    ) -> Result<Option<Place<'_>>, LedgerError> {
        let _telling = self.telling.lock().await;
        let used = self.used.fetch_add(1, Ordering::Relaxed) + 1;
        let place = Place(self);
        let Some(left) = places.checked_sub(used) else { return Ok(None) };
        let free = ledger.places(&self.worker, left, ttl).await?;
        Ok((free >= 0).then_some(place))
    }
}
