//! Both backends keep the rules of a lake.
#![cfg(feature = "conformance")]

use adls_io::{LocalLake, MemoryLake, conformance};

#[tokio::test]
async fn memory() {
    conformance::run_all(&MemoryLake::new(), "input", "processed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn local() {
    let home = tempfile::tempdir().unwrap();
    let lake = LocalLake::new([("one", home.path().join("one")), ("two", home.path().join("deep/two"))]);
    conformance::run_all(&lake, "one", "two").await;
}

/// Two roots on two devices: a rename between them copies.
#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn local_on_two_devices() {
    use std::os::unix::fs::MetadataExt;
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        println!("skipped: there is no /dev/shm");
        return;
    };
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let device = |path: &std::path::Path| path.metadata().unwrap().dev();
    if device(memory.path()) == device(disk.path()) {
        println!("skipped: /dev/shm is on the same device");
        return;
    }
    let lake = LocalLake::new([("disk", disk.path()), ("memory", memory.path())]);
    conformance::run_all(&lake, "disk", "memory").await;
    conformance::run_all(&lake, "memory", "disk").await;
}
