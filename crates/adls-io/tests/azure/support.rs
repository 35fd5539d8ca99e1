//! An emulator and lakes on it.

use std::time::Duration;

use adls_io::{AzureCredential, AzureLake, AzureLakeOptions, AzureRetry, LakePath, Location};
use aoai_emulator::{Control, Emulator, EmulatorConfig, FaultEffect, FaultMatch, FaultRule};
use azure_core::credentials::Secret;

/// The emulator's account and key, the same as Azurite's.
pub(crate) const ACCOUNT: &str = "devstoreaccount1";
pub(crate) const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

pub(crate) struct Place {
    pub(crate) emulator: Emulator,
    pub(crate) lake: AzureLake,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::with(EmulatorConfig::default(), options()).await
    }

    pub(crate) async fn with(config: EmulatorConfig, options: AzureLakeOptions) -> Self {
        let emulator = Emulator::start(config).await.expect("the emulator starts");
        let lake = AzureLake::new(&endpoint(&emulator), key(KEY), options).expect("a lake");
        Self { emulator, lake }
    }

    pub(crate) fn control(&self) -> Control {
        self.emulator.control()
    }

    /// Injects one fault into the request number `skip` (from 0) that the match covers.
    pub(crate) fn fault(&self, matching: FaultMatch, effect: FaultEffect, skip: u32) {
        self.control().add_fault(FaultRule { matching, effect, times: Some(1), skip });
    }
}

pub(crate) fn endpoint(emulator: &Emulator) -> String {
    format!("{}/{ACCOUNT}", emulator.url())
}

pub(crate) fn key(key: &str) -> AzureCredential {
    AzureCredential::AccountKey { account: ACCOUNT.to_owned(), key: Secret::new(key.to_owned()) }
}

/// Small blocks and pages, so that a few bytes take several requests; short waits.
pub(crate) fn options() -> AzureLakeOptions {
    AzureLakeOptions {
        block_bytes: 64 << 10,
        page_size: 50,
        retry: AzureRetry {
            max_attempts: 4,
            initial: Duration::from_millis(2),
            max_delay: Duration::from_secs(2),
        },
        ..AzureLakeOptions::default()
    }
}

pub(crate) fn at(filesystem: &str, path: &str) -> Location {
    Location::new(filesystem, LakePath::parse(path).expect("a legal path"))
}
