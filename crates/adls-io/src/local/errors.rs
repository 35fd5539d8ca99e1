//! The one place where errors of the operating system become errors of the lake.

use std::io;

use crate::{Error, ErrorKind, Location};

/// The error of the lake for an error of the operating system.
pub(super) fn io_error(operation: &'static str, at: &Location, error: io::Error) -> Error {
    Error::new(kind_of(&error), operation, at, error.to_string()).with_source(error)
}

fn kind_of(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Os;
    match error.kind() {
        Os::NotFound => ErrorKind::NotFound,
        Os::AlreadyExists => ErrorKind::AlreadyExists,
        Os::PermissionDenied | Os::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
        Os::StorageFull | Os::QuotaExceeded | Os::FileTooLarge => ErrorKind::StorageFull,
        Os::IsADirectory | Os::NotADirectory | Os::DirectoryNotEmpty => ErrorKind::WrongType,
        Os::InvalidInput | Os::InvalidFilename | Os::Unsupported => ErrorKind::Invalid,
        Os::TimedOut
        | Os::ResourceBusy
        | Os::StaleNetworkFileHandle
        | Os::NetworkDown
        | Os::HostUnreachable
        | Os::NetworkUnreachable
        | Os::NotConnected
        | Os::ConnectionReset
        | Os::ConnectionAborted => ErrorKind::Unavailable,
        _ => ErrorKind::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LakePath;

    #[test]
    #[cfg(target_os = "linux")]
    fn error_numbers_become_kinds() {
        let at = Location::new("fs", LakePath::root());
        for (number, kind) in [
            (2, ErrorKind::NotFound),
            (1, ErrorKind::PermissionDenied),
            (13, ErrorKind::PermissionDenied),
            (30, ErrorKind::PermissionDenied),
            (17, ErrorKind::AlreadyExists),
            (20, ErrorKind::WrongType),
            (21, ErrorKind::WrongType),
            (28, ErrorKind::StorageFull),
            (122, ErrorKind::StorageFull),
            (36, ErrorKind::Invalid),
            (116, ErrorKind::Unavailable),
            (5, ErrorKind::Io),
        ] {
            let error = io_error("read", &at, io::Error::from_raw_os_error(number));
            assert_eq!(error.kind, kind, "error number {number}");
            assert!(error.to_string().contains("fs/"), "the path is named: {error}");
        }
    }
}
