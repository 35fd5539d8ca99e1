//! One working process for each ledger file: an operating-system lock that ends with its holder, however it dies.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use batch_orchestrator::ledger::{LedgerError, LedgerErrorKind};

/// The lock, held.
#[derive(Debug)]
pub(super) struct ProcessLock {
    _file: File,
}

/// Takes the lock beside the ledger file.
pub(super) fn take(ledger: &Path) -> Result<ProcessLock, LedgerError> {
    let path = lock_path(ledger);
    let unusable = |error: std::io::Error| LedgerError {
        kind: LedgerErrorKind::Unusable,
        operation: "lock the ledger",
        message: format!("{} cannot be written", path.display()),
        source: Some(Box::new(error)),
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only to name the holder; the lock itself is what counts.
            let _ = file.read_to_string(&mut holder);
            let message = match holder.trim() {
                "" => format!("another process works with {}", ledger.display()),
                pid => format!("process {pid} works with {}", ledger.display()),
            };
            return Err(LedgerError::new(LedgerErrorKind::InUse, "lock the ledger", message));
        }
        Err(TryLockError::Error(error)) => return Err(unusable(error)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| write!(file, "{}", std::process::id()))
        .map_err(unusable)?;
    Ok(ProcessLock { _file: file })
}

fn lock_path(ledger: &Path) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
