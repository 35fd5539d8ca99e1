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
const MOST_THREADS: usize = 8;

/// How the work on a file is spread.
#[derive(Debug, Clone, Copy)]
pub struct Threads {
    /// How many threads check and count, besides the caller's.
    pub count: NonZeroUsize,
    /// A block of lines is handed to a thread when it has so many bytes.
    pub block_bytes: u64,
}

impl Default for Threads {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).get();
        let count = NonZeroUsize::new(cores.min(MOST_THREADS)).unwrap_or(NonZeroUsize::MIN);
        Self { count, block_bytes: BLOCK_BYTES }
    }
}

/// Validates and plans a file on several threads; `index` gets the blocks of the index.
///
/// # Guarantees
/// * Verdict and index are those of a [`Validator`](super::Validator).
/// * Memory is bounded: 32 MiB of lines on their way, or one line if that is longer; and 24 bytes for each line.
/// * A file of less than one block takes no thread.
/// * A panic of the estimator is the caller's.
pub fn validate_chunks(
    chunks: impl Iterator<Item = Bytes>,
    rules: &Rules,
    estimator: Option<&dyn TokenEstimator>,
    threads: Threads,
    mut index: impl FnMut(IndexBlock),
) -> Verdict {
    let checker = &Checker::new(rules, estimator.is_some());
    let check = move |block: &Block| check_block(checker, estimator, block);
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
        if self.threads.len() < self.most {
            let (queue, check) = (self.queue.clone(), self.check);
            let name = format!("validate-{}", self.threads.len());
            // Where the machine has no more threads, those that there are will do.
            let started = Builder::new().name(name).spawn_scoped(self.scope, move || work(&queue, check));
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

fn work(queue: &Mutex<Receiver<Job>>, check: &impl Fn(&Block) -> Checked) {
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
