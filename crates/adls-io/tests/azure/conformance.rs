//! The rules of a lake, by key and by page sizes.

use adls_io::conformance::run_all;

use crate::support::{Place, options};

#[tokio::test(flavor = "multi_thread")]
async fn the_account_keeps_the_rules_of_a_lake() {
    let place = Place::new().await;
    run_all(&place.lake, "input", "processed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_and_pages_of_one_change_nothing() {
    let options = adls_io::AzureLakeOptions { page_size: 3, block_bytes: 1 << 20, ..options() };
    let place = Place::with(aoai_emulator::EmulatorConfig::default(), options).await;
    run_all(&place.lake, "one", "other").await;
}
