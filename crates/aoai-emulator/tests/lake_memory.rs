//! Appends go to disk as they come. A binary of its own, as other tests in the process would be measured too.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use aoai_emulator::{Emulator, EmulatorConfig, LakeConfig};
use futures::stream;
use reqwest::{Body, Client};

/// The most memory this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_large_append_is_not_held_in_memory() {
    const PIECES: usize = 1_024;
    const PIECE: usize = 64 * 1024;
    let create_filesystems = vec!["one".to_owned()];
    let lake = LakeConfig { create_filesystems, require_auth: false, ..LakeConfig::default() };
    let emulator = Emulator::start(EmulatorConfig { lake, ..EmulatorConfig::default() }).await.unwrap();
    let http = Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/devstoreaccount1/one/big", emulator.url());
    let created = http.put(format!("{url}?resource=file")).send().await.unwrap();
    assert_eq!(created.status(), 201);
    let before = peak();
    let pieces = stream::iter((0..PIECES).map(|_| Ok::<_, std::io::Error>(vec![b'x'; PIECE])));
    let append = http.patch(format!("{url}?action=append&position=0&flush=true"));
    assert_eq!(append.body(Body::wrap_stream(pieces)).send().await.unwrap().status(), 202);
    let mut answer = http.get(&url).send().await.unwrap();
    let mut read = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        read += chunk.len();
    }
    assert_eq!(read, PIECES * PIECE);
    let grown = peak() - before;
    assert!(grown < 24 * 1024, "grew by {grown} KiB");
}
