//! The legacy crate, behind its adapter, keeps the rules of a lake and does what `AzureLake` does.

use adls_io::{
    AzureCredential, AzureLake, AzureLakeOptions, Condition, DataLake, DataLakeExt, ETag, Entry, EntryKind,
    ErrorKind, LakePath, ListMode, Location, ReadOptions, RenameOptions, Result, SdkLake, conformance,
};
use aoai_emulator::FaultEffect;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    faults::everywhere,
    support::{KEY, Place, endpoint, key, options},
};

fn sdk(place: &Place, options: AzureLakeOptions) -> SdkLake {
    SdkLake::new(&endpoint(&place.emulator), key(KEY), options).expect("a lake")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_adapter_keeps_the_rules_of_a_lake() {
    let place = Place::new().await;
    conformance::run_all(&sdk(&place, options()), "input", "processed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_adapter_gets_over_a_fault_at_any_request() {
    let busy = [("x-ms-error-code".to_owned(), "ServerBusy".to_owned())].into();
    for effect in [
        FaultEffect::ResetAfter,
        FaultEffect::Status { code: 503, body: None, retry_after: Some(0), headers: busy },
    ] {
        everywhere(effect, |place| Box::new(sdk(place, options()))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_clients_do_the_same() {
    let place = Place::new().await;
    // So that listings have several pages.
    let options = AzureLakeOptions { page_size: 3, ..options() };
    let sdk = sdk(&place, options.clone());
    let azure = AzureLake::new(&endpoint(&place.emulator), key(KEY), options).expect("a lake");
    for seed in 0..3 {
        let (left, right) = (format!("sdk-{seed}"), format!("azure-{seed}"));
        let mut sides = [Side::new(&sdk, &left).await, Side::new(&azure, &right).await];
        let mut random = StdRng::seed_from_u64(seed);
        for number in 0..200 {
            let step = Step::random(&mut random);
            let [left, right] = &mut sides;
            let (found, expected) = (left.run(&step).await, right.run(&step).await);
            assert_eq!(found, expected, "seed {seed}, step {number}: {step:?}");
        }
        let [left, right] = &mut sides;
        assert_eq!(left.tree().await, right.tree().await, "seed {seed}: the trees");
    }
}

#[tokio::test]
async fn a_secret_does_not_leave_this_machine_in_the_clear() {
    let options = AzureLakeOptions::default;
    let sas = AzureCredential::Sas("sv=1&sig=x".to_owned().into());
    for credential in [key(KEY), sas] {
        let refused = SdkLake::new("http://lake.example", credential, options()).expect_err("plain http");
        assert_eq!(refused.kind, ErrorKind::Invalid, "{refused}");
    }
}

/// Few names, so that steps meet; some are hard to write in an address.
const NAMES: [&str; 10] =
    ["a", "a/x", "a/x/y", "b", "b/q?x", "b/p%41", "c d+e", "c d+e/ü#", "new/deep/down", "back\\slash"];

/// One operation; versions are numbers in the order in which a side first saw them.
#[derive(Debug)]
enum Step {
    Write { at: &'static str, length: usize, condition: When },
    Read { at: &'static str, offset: u64, length: Option<u64>, version: Option<usize> },
    Head { at: &'static str },
    List { at: &'static str, mode: ListMode },
    Rename { from: &'static str, to: &'static str, version: Option<usize>, condition: When },
    Delete { at: &'static str, version: Option<usize> },
    DeleteDirectory { at: &'static str },
}

#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    Absent,
    Match(usize),
}

impl Step {
    fn random(random: &mut StdRng) -> Self {
        let mut name = || NAMES[random.random_range(0..NAMES.len())];
        let (at, to) = (name(), name());
        let version = random.random_bool(0.4).then(|| random.random_range(0..1_000));
        let condition = match random.random_range(0..5) {
            0 | 1 => When::Always,
            2 | 3 => When::Absent,
            _ => When::Match(random.random_range(0..1_000)),
        };
        match random.random_range(0..20) {
            0..7 => {
                let length = if random.random_bool(0.2) { 200_000 } else { random.random_range(0..30) };
                Self::Write { at, length, condition }
            }
            7..10 => {
                let length = random.random_bool(0.5).then(|| random.random_range(0..20));
                Self::Read { at, offset: random.random_range(0..12), length, version }
            }
            10 | 11 => Self::Head { at },
            12 | 13 => {
                let mode = if random.random_bool(0.5) { ListMode::Shallow } else { ListMode::Recursive };
                Self::List { at: if random.random_bool(0.3) { "" } else { at }, mode }
            }
            14..17 => Self::Rename { from: at, to, version, condition },
            17 | 18 => Self::Delete { at, version },
            _ => Self::DeleteDirectory { at },
        }
    }
}

/// A lake with a filesystem of its own, and the versions it has shown.
struct Side<'a> {
    lake: &'a dyn DataLake,
    filesystem: &'a str,
    versions: Vec<ETag>,
}

impl<'a> Side<'a> {
    async fn new(lake: &'a dyn DataLake, filesystem: &'a str) -> Self {
        lake.ensure_filesystem(filesystem).await.expect("a filesystem is made");
        // The other side has other versions: a number that nobody has seen yet means this one.
        Self { lake, filesystem, versions: vec![ETag("0x8D0000000000000".to_owned())] }
    }

    fn at(&self, path: &str) -> Location {
        Location::new(self.filesystem, LakePath::parse(path).expect("a legal path"))
    }

    fn version(&self, number: usize) -> ETag {
        // Mostly one of the newest, so that it often is the one that stands.
        let back = number % self.versions.len().min(4);
        self.versions[self.versions.len() - 1 - back].clone()
    }

    fn condition(&self, when: When) -> Condition {
        match when {
            When::Always => Condition::Always,
            When::Absent => Condition::IfAbsent,
            When::Match(number) => Condition::IfMatch(self.version(number)),
        }
    }

    fn number(&mut self, etag: ETag) -> usize {
        self.versions.iter().position(|known| *known == etag).unwrap_or_else(|| {
            self.versions.push(etag);
            self.versions.len() - 1
        })
    }

    fn shown(&mut self, entry: Entry) -> String {
        match entry.kind {
            EntryKind::Directory => format!("{}/", entry.location.path),
            EntryKind::File => {
                let version = self.number(entry.etag);
                format!("{} {} v{version}", entry.location.path, entry.size)
            }
        }
    }

    /// What a step does, in words that are the same on both sides.
    async fn run(&mut self, step: &Step) -> String {
        self.try_run(step).await.unwrap_or_else(|error| format!("{:?}", error.kind))
    }

    async fn try_run(&mut self, step: &Step) -> Result<String> {
        match *step {
            Step::Write { at, length, condition } => {
                let bytes = Bytes::from(vec![b'a' + (length % 26) as u8; length]);
                let written = self.lake.write_all(&self.at(at), bytes, self.condition(condition)).await?;
                Ok(format!("wrote {} v{}", written.size, self.number(written.etag)))
            }
            Step::Read { at, offset, length, version } => {
                let if_match = version.map(|number| self.version(number));
                let read = self.lake.read(&self.at(at), ReadOptions { offset, length, if_match }).await?;
                let parts: Vec<Bytes> = read.body.try_collect().await?;
                Ok(format!("{} {:?}", self.shown(read.entry), parts.concat()))
            }
            Step::Head { at } => {
                let entry = self.lake.head(&self.at(at)).await?;
                Ok(self.shown(entry))
            }
            Step::List { at, mode } => {
                let entries: Vec<Entry> = self.lake.list(&self.at(at), mode).try_collect().await?;
                Ok(entries.into_iter().map(|entry| self.shown(entry)).collect::<Vec<_>>().join("\n"))
            }
            Step::Rename { from, to, version, condition } => {
                let options = RenameOptions {
                    source_if_match: version.map(|number| self.version(number)),
                    destination: self.condition(condition),
                };
                let etag = self.lake.rename(&self.at(from), &self.at(to), options).await?;
                Ok(format!("renamed v{}", self.number(etag)))
            }
            Step::Delete { at, version } => {
                let if_match = version.map(|number| self.version(number));
                Ok(format!("{:?}", self.lake.delete(&self.at(at), if_match).await?))
            }
            Step::DeleteDirectory { at } => {
                Ok(format!("{:?}", self.lake.delete_directory(&self.at(at)).await?))
            }
        }
    }

    /// All there is, with its bytes.
    async fn tree(&mut self) -> Vec<(String, Bytes)> {
        let mut tree = Vec::new();
        let mut entries = self.lake.list(&self.at(""), ListMode::Recursive);
        while let Some(entry) = entries.next().await {
            let entry = entry.expect("a listing succeeds");
            let bytes = match entry.kind {
                EntryKind::File => {
                    self.lake.read_all(&entry.location, 1 << 20).await.expect("a read succeeds")
                }
                EntryKind::Directory => Bytes::new(),
            };
            tree.push((self.shown(entry), bytes));
        }
        tree
    }
}
