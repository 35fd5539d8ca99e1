//! What becomes of batches as time goes by.

use aoai_batch_client::{BatchError, BatchStatus, RequestCounts};
use batch_orchestrator::BlobUrls;
use bytes::Bytes;

use super::{File, Running, Service};
use crate::{
    fate::{End, Odd, Try, Written},
    oracle::{Oracle, ids},
    urls::SimUrls,
};

impl Service {
    /// Brings everything up to this time; whatever starts is billed, line by line.
    pub(crate) fn tick(&mut self, now_ms: i64, oracle: &mut Oracle) {
        for at in 0..self.batches.len() {
            if self.batches[at].shown.status == BatchStatus::Validating && self.batches[at].start_ms <= now_ms
            {
                self.start(at);
            }
            let batch = &self.batches[at];
            let (status, ends) = (batch.shown.status.clone(), batch.end_ms <= now_ms);
            if status == BatchStatus::InProgress || (status == BatchStatus::Cancelling && batch.races) {
                self.get_on(at, now_ms, oracle);
            }
            if ends && matches!(status, BatchStatus::InProgress | BatchStatus::Cancelling) {
                self.end(at);
            }
        }
    }

    fn start(&mut self, at: usize) {
        let batch = &self.batches[at];
        let read = batch.read.clone().or_else(|| self.input_bytes(&batch.input)).filter(|_| !batch.doomed);
        let (read, code) = match read {
            Some(read) if batch.fails.is_none() => (read, None),
            read => (Bytes::new(), Some(read.and(batch.fails).unwrap_or("invalid_file"))),
        };
        if let Some(code) = code {
            let error = BatchError {
                code: Some(code.to_owned()),
                message: "as it is".to_owned(),
                line: None,
                param: None,
            };
            let shown = &mut self.batches[at].shown;
            shown.status = BatchStatus::Failed;
            shown.errors = vec![error];
            return;
        }
        let shown = &mut self.batches[at].shown;
        shown.status = BatchStatus::InProgress;
        shown.request_counts.total = ids(&read).len() as u64;
        self.batches[at].read = Some(read);
    }

    /// The lines that a batch has got to by now, evenly over its time.
    fn get_on(&mut self, at: usize, now_ms: i64, oracle: &mut Oracle) {
        let Running { read, end, start_ms, end_ms, tried, .. } = &self.batches[at];
        let all = ids(read.as_deref().unwrap_or_default());
        let most = if *end == End::Completed { all.len() } else { all.len().div_ceil(2) };
        let share = (now_ms - start_ms) as f64 / (end_ms - start_ms).max(1) as f64;
        let so_far = (most as f64 * share.clamp(0.0, 1.0)) as usize;
        let (name, before) = (self.batches[at].shown.id.0.clone(), tried.len());
        for id in all.iter().take(so_far).skip(before) {
            let fate = self.fates.of(self.seed, id, self.tries.count(id));
            if fate == Try::Answered {
                oracle.bill(id, &name);
            }
            let batch = &mut self.batches[at];
            batch.tried.push(fate);
            match fate {
                Try::Answered | Try::Zero => batch.shown.request_counts.completed += 1,
                Try::Busy(_) | Try::Filtered => batch.shown.request_counts.failed += 1,
                Try::Lost => {}
            }
        }
    }

    fn end(&mut self, at: usize) {
        let Running { read, folder, end, end_ms, tried, .. } = &self.batches[at];
        let (end, end_ms, folder) = (*end, *end_ms, folder.clone());
        let all = ids(read.as_deref().unwrap_or_default());
        let Written { output, error } = Written::of(&all, tried, end, self.fates.odd);
        let counts = RequestCounts {
            total: all.len() as u64,
            completed: output.lines().count() as u64 + u64::from(self.fates.odd == Some(Odd::Short)),
            failed: error.lines().count() as u64,
        };
        if let Some(folder) = folder {
            let put = |name: &str, text: String| {
                let blob = folder.join(&format!("{}/{name}", self.batches[at].shown.id.0)).unwrap();
                (!text.is_empty()).then(|| {
                    self.lake.put(&blob, text).unwrap();
                    SimUrls.blob_url(&blob)
                })
            };
            let (output, error) = (put("results.jsonl", output), put("errors.jsonl", error));
            let shown = &mut self.batches[at].shown;
            (shown.output_blob, shown.error_blob, shown.request_counts) = (output, error, counts);
            return self.close(at, end, end_ms);
        }
        let mut result = |name: &str, text: String| {
            let file = File {
                name: name.to_owned(),
                bytes: text.clone().into(),
                created_ms: end_ms,
                processed_ms: end_ms,
                deleted: false,
                result: true,
            };
            (!text.is_empty()).then(|| self.add(file, end_ms).id)
        };
        let (output, error) = (result("output.jsonl", output), result("error.jsonl", error));
        let shown = &mut self.batches[at].shown;
        (shown.output_file_id, shown.error_file_id, shown.request_counts) = (output, error, counts);
        self.close(at, end, end_ms);
    }

    fn close(&mut self, at: usize, end: End, end_ms: i64) {
        let ended_at = (end_ms + self.skew_ms).div_euclid(1000);
        let shown = &mut self.batches[at].shown;
        shown.status = match end {
            End::Completed => BatchStatus::Completed,
            End::Expired => BatchStatus::Expired,
            End::Cancelled { .. } => BatchStatus::Cancelled,
        };
        shown.ended_at = Some(ended_at);
    }
}
