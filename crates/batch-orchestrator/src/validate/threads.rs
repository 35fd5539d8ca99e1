//! A whole file, checked on several threads: lines go out in blocks and come back in the order of the file.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvError, Sender, SyncSender, TryRecvError, channel, sync_channel},
    },
    thread::{Builder, Scope, ScopedJoinHandle},
};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use token_estimator::TokenEstimator;

use super::{
    checked::{Checked, check_block},
    cores::{self, Cores, Place},
    line::{Checker, Rules},
    merge::{IndexBlock, Merge},
    report::Verdict,
    split::{BLOCK_BYTES, Block, Splitter},
};

/// Blocks on their way, for each thread: one is worked on while another waits.
const BLOCKS_PER_THREAD: usize = 2;
/// No more is on its way than this, however long the lines are.
const MOST_BYTES: u64 = 32 << 20;
/// Chunks that wait to be hashed.
const HASH_QUEUE: usize = 4;
/// More threads than this do not help: the rest is in order.
const MOST_THREADS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);

/// How the work on a file is spread.
#[derive(Debug, Clone, Copy)]
pub struct Threads {
    /// How many threads check and count, besides the caller's; fewer where other files have the cores.
    pub count: NonZeroUsize,
    /// A block of lines is handed to a thread when it has so many bytes.
    pub block_bytes: u64,
}

impl Default for Threads {
    fn default() -> Self {
        Self { count: cores::count().min(MOST_THREADS), block_bytes: BLOCK_BYTES }
    }
}

/// Validates and plans a file on several threads; `index` gets the blocks of the index.
///
/// # Guarantees
/// * Verdict and index are those of a [`Validator`](super::Validator).
/// * Memory is bounded: 32 MiB of lines on their way, or one line if that is longer; and 24 bytes for each line.
/// * A file of less than one block takes no thread.
/// * All files of a process together are checked and counted on no more threads at a time than there are cores.
/// * A panic of the estimator is the caller's.
pub fn validate_chunks(
    chunks: impl Iterator<Item = Bytes>,
    rules: &Rules,
    estimator: Option<&dyn TokenEstimator>,
    threads: Threads,
    mut index: impl FnMut(IndexBlock),
) -> Verdict {
    let checker = &Checker::new(rules, estimator.is_some());
    let check = move |block: &Block| {
        let _core = Cores::shared().take();
        check_block(checker, estimator, block)
    };
    std::thread::scope(|scope| {
        let mut splitter = Splitter::new(rules.limits.max_line_bytes, threads.block_bytes);
        let mut merge = Merge::new(rules);
        let mut workers = Workers::new(scope, &check, threads.count.get());
        let mut hasher = Hasher::new();
        let mut bytes = 0;
        for chunk in chunks {
            bytes += chunk.len() as u64;
            hasher.update(scope, &chunk);
            splitter.push(chunk);
            while let Some(block) = splitter.next_full() {
                while let Some(checked) = workers.ready() {
                    merge.take(checked).into_iter().for_each(&mut index);
                }
                workers.submit(block);
            }
        }
        splitter.end();
        let last = splitter.take_block();
        while let Some(checked) = workers.next() {
            merge.take(checked).into_iter().for_each(&mut index);
        }
        merge.take(check(&last)).into_iter().for_each(&mut index);
        let (verdict, rest) = merge.finish(&splitter, bytes, hasher.finish());
        rest.into_iter().for_each(&mut index);
        verdict
    })
}

/// A block, and where its result goes.
type Job = (Block, Sender<Checked>);

/// The threads that check. Each is started when there is a block for it.
struct Workers<'scope, 'env, C> {
    scope: &'scope Scope<'scope, 'env>,
    check: &'scope C,
    most: usize,
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    threads: Vec<ScopedJoinHandle<'scope, ()>>,
    /// The results to come, in the order of the blocks.
    pending: VecDeque<(u64, Receiver<Checked>)>,
    pending_bytes: u64,
}

impl<'scope, 'env, C: Fn(&Block) -> Checked + Sync> Workers<'scope, 'env, C> {
    fn new(scope: &'scope Scope<'scope, 'env>, check: &'scope C, most: usize) -> Self {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        Self {
            scope,
            check,
            most,
            jobs,
            queue,
            threads: Vec::new(),
            pending: VecDeque::new(),
            pending_bytes: 0,
        }
    }

    /// Hands a block to a thread.
    fn submit(&mut self, block: Block) {
        if self.threads.len() < self.most
            && let Some(place) = Cores::shared().place(self.threads.len())
        {
            let (queue, check) = (self.queue.clone(), self.check);
            let name = format!("validate-{}", self.threads.len());
            // Where the machine has no more threads, those that there are will do.
            let started =
                Builder::new().name(name).spawn_scoped(self.scope, move || work(&queue, check, place));
            self.threads.extend(started);
        }
        let (result, pending) = channel();
        self.pending_bytes += block.bytes;
        self.pending.push_back((block.bytes, pending));
        if self.threads.is_empty() {
            let _ = result.send((self.check)(&block));
        } else {
            // The queue is as long as `ready` lets it become; its receiver is here too, so this cannot fail.
            let _ = self.jobs.send((block, result));
        }
    }

    /// The next result: waits for it where enough is on its way already.
    fn ready(&mut self) -> Option<Checked> {
        let (bytes, front) = self.pending.front()?;
        let full = self.pending.len() >= self.most * BLOCKS_PER_THREAD || self.pending_bytes >= MOST_BYTES;
        let found = if full {
            front.recv().map_err(|RecvError| TryRecvError::Disconnected)
        } else {
            front.try_recv()
        };
        match found {
            Ok(checked) => {
                self.pending_bytes -= bytes;
                self.pending.pop_front();
                Some(checked)
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => self.panicked(),
        }
    }

    /// The next result, whenever it comes; `None` after the last.
    fn next(&mut self) -> Option<Checked> {
        let (_, front) = self.pending.pop_front()?;
        front.recv().ok().or_else(|| self.panicked())
    }

    /// A result that does not come: its thread panicked, and so does the caller.
    fn panicked(&mut self) -> Option<Checked> {
        // Without a sender the other threads end.
        self.jobs = channel().0;
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        None
    }
}

/// Checks blocks until there are no more, and then gives up its place.
fn work(queue: &Mutex<Receiver<Job>>, check: &impl Fn(&Block) -> Checked, _place: Place<'_>) {
    loop {
        // Held while waiting: one waits for a block, the others for their turn.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((block, result)) = job else { return };
        // Without a receiver nobody wants the result.
        let _ = result.send(check(&block));
    }
}

/// Hashes beside the rest: where the processor has no instructions for it, it is slower than all in order.
struct Hasher<'scope> {
    hash: Sha256,
    seen: u64,
    thread: Option<(SyncSender<Bytes>, ScopedJoinHandle<'scope, Sha256>)>,
}

impl<'scope> Hasher<'scope> {
    fn new() -> Self {
        Self { hash: Sha256::new(), seen: 0, thread: None }
    }

    fn update<'env>(&mut self, scope: &'scope Scope<'scope, 'env>, chunk: &Bytes) {
        self.seen += chunk.len() as u64;
        if self.thread.is_none() && self.seen > BLOCK_BYTES {
            let (chunks, queue) = sync_channel::<Bytes>(HASH_QUEUE);
            let mut hash = self.hash.clone();
            let started = Builder::new().name("validate-hash".into()).spawn_scoped(scope, move || {
                queue.iter().for_each(|chunk| hash.update(&chunk));
                hash
            });
            self.thread = started.ok().map(|thread| (chunks, thread));
        }
        match &self.thread {
            // It ends only when the sender is gone.
            Some((chunks, _)) => drop(chunks.send(chunk.clone())),
            None => self.hash.update(chunk),
        }
    }

    fn finish(self) -> Sha256 {
        let Some((chunks, thread)) = self.thread else { return self.hash };
        drop(chunks);
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        time::Duration,
    };

    use serde_json::value::RawValue;
    use token_estimator::{Provenance, TokenCount};

    use super::*;
    use crate::options::LimitOptions;

    /// Knows how many threads count at a time.
    #[derive(Default)]
    struct Crowd {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl TokenEstimator for Crowd {
        fn count(&self, model: &str, _: &RawValue) -> TokenCount {
            self.most.fetch_max(self.now.fetch_add(1, SeqCst) + 1, SeqCst);
            std::thread::sleep(Duration::from_millis(1));
            self.now.fetch_sub(1, SeqCst);
            TokenCount {
                prompt_tokens: 1,
                text_tokens: 1,
                image_tokens: 0,
                tool_tokens: 0,
                overhead_tokens: 0,
                max_output_tokens: None,
                quota_tokens: 1,
                provenance: self.provenance(model),
            }
        }

        fn provenance(&self, _: &str) -> Provenance {
            Provenance::Estimate
        }
    }

    #[test]
    fn several_files_share_the_cores() {
        const LINES: u64 = 60;
        let lines = (0..LINES).map(|n| {
            format!(
                r#"{{"custom_id":"{n}","method":"POST","url":"/chat/completions","body":{{"model":"m","messages":[{{"role":"user","content":"x"}}]}}}}"#
            ) + "\n"
        });
        let file = Bytes::from(lines.collect::<String>());
        let rules = Rules {
            batch_endpoint: "/chat/completions".into(),
            deployment: None,
            set_model: false,
            limits: LimitOptions::default(),
        };
        let cores = cores::count();
        let threads = Threads { count: cores.saturating_add(2), block_bytes: 1 };
        let crowd = Crowd::default();
        std::thread::scope(|scope| {
            for _ in 0..cores.get() + 2 {
                scope.spawn(|| {
                    let chunks = std::iter::once(file.clone());
                    match validate_chunks(chunks, &rules, Some(&crowd), threads, drop) {
                        Verdict::Valid(plan) => assert_eq!((plan.lines, plan.tokens.quota), (LINES, LINES)),
                        Verdict::Invalid(report) => panic!("the file is valid: {:?}", report.findings),
                    }
                });
            }
        });
        assert!(
            crowd.most.load(SeqCst) <= cores.get(),
            "{} threads on {cores} cores",
            crowd.most.into_inner()
        );
    }
}
