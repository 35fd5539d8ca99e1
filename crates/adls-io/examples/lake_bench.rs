//! Our side of `cargo xtask bench`: reads, writes or lists in a storage account and says how long it took.
//!
//! ```text
//! KEY=… cargo run --release -p adls-io --example lake_bench -- endpoint=http://127.0.0.1:10004/devstoreaccount1 \
//!     account=devstoreaccount1 key_env=KEY operation=read filesystem=input path=a.jsonl
//! ```
//!
//! | argument | means |
//! |---|---|
//! | `operation` | `read` (to nowhere), `write` (what `source` names), `list` (everything below `path`) |
//! | `repetitions` | how often; 1 where it is not given |
//! | `block_bytes`, `page_size` | as in `AzureLakeOptions` |
//!
//! Prints a line of JSON: `bytes` and `entries` of one repetition, `seconds` of each, and `peak_rss_kib` of the process.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{collections::BTreeMap, error::Error, fs::File, io::Read};

use adls_io::{
    AzureCredential, AzureLake, AzureLakeOptions, Condition, DataLake, LakePath, ListMode, Location,
    ReadOptions,
};
use azure_core::credentials::Secret;
use bytes::BytesMut;
use futures::StreamExt;
use serde_json::json;
use tokio::time::Instant;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// As the pipeline hands it to a writer, more or less.
const CHUNK: usize = 64 << 10;

/// What one repetition did.
#[derive(Default)]
struct Done {
    bytes: u64,
    entries: u64,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::parse()?;
    let at = Location::new(arguments.get("filesystem")?, LakePath::parse(arguments.get("path")?)?);
    let repetitions = arguments.number("repetitions")?.unwrap_or(1);
    let lake = lake(&arguments)?;
    let mut seconds = Vec::new();
    let mut done = Done::default();
    for _ in 0..repetitions {
        let start = Instant::now();
        done = match arguments.get("operation")? {
            "read" => read(&lake, &at).await?,
            "write" => write(&lake, &at, arguments.get("source")?).await?,
            "list" => list(&lake, &at).await?,
            other => return Err(format!("operation={other}: read, write or list").into()),
        };
        seconds.push(start.elapsed().as_secs_f64());
    }
    let line = json!({
        "bytes": done.bytes,
        "entries": done.entries,
        "seconds": seconds,
        "peak_rss_kib": peak_rss_kib(),
    });
    println!("{line}");
    Ok(())
}

fn lake(arguments: &Arguments) -> Outcome<AzureLake> {
    let variable = arguments.get("key_env")?;
    let key = std::env::var_os(variable).and_then(|key| key.into_string().ok());
    let key = key.ok_or_else(|| format!("the variable {variable} holds no key"))?;
    let account = arguments.get("account")?.to_owned();
    let credential = AzureCredential::AccountKey { account, key: Secret::new(key) };
    let mut options = AzureLakeOptions::default();
    if let Some(bytes) = arguments.number("block_bytes")? {
        options.block_bytes = usize::try_from(bytes)?;
    }
    if let Some(entries) = arguments.number("page_size")? {
        options.page_size = u32::try_from(entries)?;
    }
    Ok(AzureLake::new(arguments.get("endpoint")?, credential, options)?)
}

async fn read(lake: &AzureLake, at: &Location) -> Outcome<Done> {
    let mut body = lake.read(at, ReadOptions::default()).await?.body;
    let mut done = Done::default();
    while let Some(chunk) = body.next().await {
        done.bytes += chunk?.len() as u64;
    }
    Ok(done)
}

/// The source is read in place, as curl does it: it is expected to be in the system's cache.
async fn write(lake: &AzureLake, at: &Location, source: &str) -> Outcome<Done> {
    let mut source = File::open(source).map_err(|error| format!("{source}: {error}"))?;
    let mut writer = lake.create(at).await?;
    let mut done = Done::default();
    let mut buffer = BytesMut::new();
    loop {
        // Free again, since a writer copies what it is given.
        buffer.resize(CHUNK, 0);
        let count = source.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        writer.write(buffer.split_to(count).freeze()).await?;
        done.bytes += count as u64;
    }
    writer.commit(Condition::Always).await?;
    Ok(done)
}

async fn list(lake: &AzureLake, at: &Location) -> Outcome<Done> {
    let mut entries = lake.list(at, ListMode::Recursive);
    let mut done = Done::default();
    while let Some(entry) = entries.next().await {
        done.bytes += entry?.size;
        done.entries += 1;
    }
    Ok(done)
}

/// What Linux says of this process; other systems say nothing.
fn peak_rss_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// `name=value`, in any order.
struct Arguments(BTreeMap<String, String>);

impl Arguments {
    fn parse() -> Outcome<Self> {
        let mut arguments = BTreeMap::new();
        for argument in std::env::args().skip(1) {
            let (name, value) =
                argument.split_once('=').ok_or_else(|| format!("{argument}: no name=value"))?;
            arguments.insert(name.to_owned(), value.to_owned());
        }
        Ok(Self(arguments))
    }

    fn get(&self, name: &str) -> Outcome<&str> {
        self.0.get(name).map(String::as_str).ok_or_else(|| format!("{name}=… is missing").into())
    }

    fn number(&self, name: &str) -> Outcome<Option<u64>> {
        self.0
            .get(name)
            .map(|value| value.parse().map_err(|error| format!("{name}={value}: {error}").into()))
            .transpose()
    }
}
