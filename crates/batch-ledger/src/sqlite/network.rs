//! SQLite's write-ahead log needs shared memory, which no network filesystem gives: two machines would each believe to be
//! alone.

use std::path::Path;

use batch_orchestrator::ledger::{LedgerError, LedgerErrorKind};

/// Filesystems over a network, by the number that `statfs` tells (linux/magic.h). Not among them, for they are mostly
/// local: FUSE, and 9p, which is what sandboxes such as gVisor call their disks.
const NETWORK: [(u64, &str); 10] = [
    (0x6969, "NFS"),
    (0xff53_4d42, "SMB (CIFS)"),
    (0xfe53_4d42, "SMB"),
    (0x517b, "SMB"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x6b41_4653, "AFS"),
    (0x7461_636f, "OCFS2"),
];

/// Refuses a directory on a filesystem that is known to be a network's.
pub(super) fn refuse(directory: &Path) -> Result<(), LedgerError> {
    let Some(kind) = kind_of(directory) else { return Ok(()) };
    let message = format!(
        "{} is on a network filesystem ({kind}), where SQLite loses data; use a local disk, or \
         ledger.url = \"postgres://…\" to share the work among machines",
        directory.display()
    );
    Err(LedgerError::new(LedgerErrorKind::Unusable, "open the ledger", message))
}

#[cfg(target_os = "linux")]
fn kind_of(directory: &Path) -> Option<&'static str> {
    // What cannot be asked will be said by whoever opens the file.
    let magic = rustix::fs::statfs(directory).ok()?.f_type;
    // On some platforms the number is signed and narrow.
    #[expect(clippy::cast_sign_loss, reason = "it is a pattern of bits")]
    network(magic as u64)
}

#[cfg(not(target_os = "linux"))]
fn kind_of(_directory: &Path) -> Option<&'static str> {
    None
}

fn network(magic: u64) -> Option<&'static str> {
    let magic = magic & 0xffff_ffff;
    NETWORK.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_known_by_their_numbers_and_disks_are_not_networks() {
        assert_eq!(network(0x6969), Some("NFS"));
        assert_eq!(network(0xff53_4d42), Some("SMB (CIFS)"));
        assert_eq!(network(0xffff_ffff_fe53_4d42), Some("SMB"), "sign-extended");
        for (disk, name) in
            [(0xef53_u64, "ext4"), (0x5846_5342, "xfs"), (0x0102_1994, "tmpfs"), (0x794c_7630, "overlay")]
        {
            assert_eq!(network(disk), None, "{name}");
        }
    }

    #[test]
    fn a_local_directory_is_taken() {
        refuse(tempfile::tempdir().unwrap().path()).unwrap();
    }
}
