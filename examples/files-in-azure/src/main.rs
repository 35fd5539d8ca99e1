//! Publish a file in Azure Data Lake Storage Gen2 so that nobody ever sees half of it, and move it elsewhere.
//!
//! Run it: `cargo run -p example-files-in-azure`. It uses the emulator; with an account of yours, the endpoint is
//! `https://ACCOUNT.dfs.core.windows.net`, and the credential may be any of `azure_identity`:
//! `AzureCredential::Token { credential: ManagedIdentityCredential::new(None)?, scope: STORAGE_SCOPE.into() }`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use adls_io::{
    AzureCredential, AzureLake, AzureLakeOptions, Condition, DataLake, DataLakeExt, ErrorKind, LakePath,
    Location, RenameOptions,
};
use aoai_emulator::{Emulator, EmulatorConfig};
use azure_core::credentials::Secret;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = EmulatorConfig::default();
    let account = config.lake.accounts[0].clone();
    let emulator = Emulator::start(config).await?;
    let endpoint = format!("{}/{}", emulator.url(), account.name);
    let key = Secret::new(account.key.expose().to_owned());
    let credential = AzureCredential::AccountKey { account: account.name, key };
    let lake = AzureLake::new(&endpoint, credential, AzureLakeOptions::default())?;
    lake.ensure_filesystem("inbox").await?;
    lake.ensure_filesystem("archive").await?;

    let report = Location::new("inbox", LakePath::parse("2026/report of the day.jsonl")?);
    let mut writer = lake.create(&report).await?;
    writer.write("one\n".into()).await?;
    writer.write("two\n".into()).await?;
    assert!(!lake.exists(&report).await?, "nothing is visible before the commit");
    let written = writer.commit(Condition::IfAbsent).await?;
    println!("published {report}, {} bytes, version {}", written.size, written.etag.0);

    // A second writer is told, and changes nothing.
    let late = lake.write_all(&report, "late\n".into(), Condition::IfAbsent).await;
    let error = late.err().ok_or("there is a file already")?;
    assert_eq!(error.kind, ErrorKind::AlreadyExists);
    println!("{error}");

    // One atomic step, of this version only, into another filesystem. It may be repeated: a rename that was done
    // although its answer was lost is recognised by the version, which it keeps.
    let archived = Location::new("archive", report.path.clone());
    for _ in 0..2 {
        let options =
            RenameOptions { source_if_match: Some(written.etag.clone()), destination: Condition::IfAbsent };
        lake.rename(&report, &archived, options).await?;
    }
    println!("{archived} holds {:?}", lake.read_all(&archived, 1024).await?);
    Ok(())
}
