//! The cores of the machine, shared by all files of the process.

use std::{
    num::NonZeroUsize,
    sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
};

/// How many cores there are for this process.
pub(super) fn count() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Files that are checked at the same time take turns: with more threads than cores they would only push what each
/// other's threads remember out of the caches.
#[derive(Debug)]
pub(super) struct Cores {
    most: usize,
    used: Mutex<Used>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Used {
    cores: usize,
    threads: usize,
}

/// A core, until it is dropped.
#[derive(Debug)]
pub(super) struct Core<'a>(&'a Cores);

/// A thread that was counted, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Cores);

impl Cores {
    /// Those of the process.
    pub(super) fn shared() -> &'static Self {
        static SHARED: LazyLock<Cores> = LazyLock::new(|| Cores::new(count()));
        &SHARED
    }

    fn new(most: NonZeroUsize) -> Self {
        Self { most: most.get(), used: Mutex::default(), freed: Condvar::new() }
    }

    /// Waits for a core. Whoever has one must not wait for others.
    pub(super) fn take(&self) -> Core<'_> {
        let waited = self.freed.wait_while(self.used(), |used| used.cores >= self.most);
        waited.unwrap_or_else(PoisonError::into_inner).cores += 1;
        Core(self)
    }

    /// A place for another thread of a file that has so many. The first is always granted: no file waits for another
    /// to end.
    pub(super) fn place(&self, threads: usize) -> Option<Place<'_>> {
        let mut used = self.used();
        let is_free = threads == 0 || used.threads < self.most;
        is_free.then(|| {
            used.threads += 1;
            Place(self)
        })
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Core<'_> {
    fn drop(&mut self) {
        self.0.used().cores -= 1;
        self.0.freed.notify_one();
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.used().threads -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        time::Duration,
    };

    use super::*;

    const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

    #[test]
    fn no_more_run_than_there_are_cores_and_all_come_to_an_end() {
        let cores = Cores::new(TWO);
        let (running, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let _core = cores.take();
                        most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                        std::thread::sleep(Duration::from_micros(200));
                        running.fetch_sub(1, SeqCst);
                        done.fetch_add(1, SeqCst);
                    }
                });
            }
        });
        assert_eq!((most.into_inner(), done.into_inner()), (2, 120));
    }

    #[test]
    fn a_core_comes_back_from_a_panic() {
        let cores = Cores::new(NonZeroUsize::MIN);
        let fall = || {
            let _core = cores.take();
            panic!("while it has the core");
        };
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(fall)).is_err());
        drop(cores.take());
    }

    #[test]
    fn each_file_has_a_thread_and_more_where_cores_are_free() {
        let cores = Cores::new(TWO);
        let first = cores.place(0).expect("a first thread");
        let second = cores.place(1).expect("a core is free");
        assert!(cores.place(2).is_none(), "more threads than cores");
        let other = cores.place(0).expect("the first of another file");
        assert!(cores.place(1).is_none());
        drop((first, second));
        let more = cores.place(1).expect("the other file has the machine for itself");
        drop((other, more));
    }
}
