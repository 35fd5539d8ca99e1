//! A storage account with an inbox, a configuration for it, and what a run has left in it.

use adls_io::{AzureCredential, AzureLake, AzureLakeOptions, DataLakeExt, LakePath, Location};
use aoai_emulator::{Control, Emulator, EmulatorConfig, TlsConfig};
use azure_core::{credentials::Secret, hmac::hmac_sha256};
use tokio::runtime::Runtime;

use crate::support::{Place, Ran, ids, lines};

pub(crate) const ACCOUNT: &str = "devstoreaccount1";
pub(crate) const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
pub(crate) const CLIENT_SECRET: &str = "s3cret-client";

/// The lake, the service and a directory with a configuration.
pub(crate) struct Lake {
    pub(crate) place: Place,
    emulator: Emulator,
    runtime: Runtime,
}

impl Lake {
    /// An emulator with quick batches and the filesystem `input`.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut EmulatorConfig)) -> Self {
        let place = Place::new("emulator");
        let mut config: EmulatorConfig = serde_json::from_value(serde_json::json!({
            "api_key": "s3cret-key",
            "batches": { "validating": "20ms", "in_progress": "80ms", "finalizing": "20ms" },
            "files": { "processing": "20ms" },
            "lake": { "create_filesystems": ["input"] },
            "entra": { "client_secret": CLIENT_SECRET, "identity_header": CLIENT_SECRET },
        }))
        .unwrap();
        config.tls = Some(TlsConfig { port: 0, ca_file: Some(place.path("ca.pem")) });
        change(&mut config);
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(Emulator::start(config)).unwrap();
        Self { place, emulator, runtime }
    }

    pub(crate) fn control(&self) -> Control {
        self.emulator.control()
    }

    pub(crate) fn url(&self) -> &str {
        self.emulator.url()
    }

    pub(crate) fn tls_url(&self) -> &str {
        self.emulator.tls_url().unwrap()
    }

    /// Writes the configuration: over plain HTTP with a key, unless more lines say otherwise.
    pub(crate) fn configure(&self, service: &str, lake: &str) {
        let url = self.url();
        self.configure_at(
            &format!("endpoint = \"{url}\"\nkey_env = \"TEST_KEY\"\n{service}"),
            &format!(
                "endpoint = \"{url}/{ACCOUNT}\"\nauth = \"account_key\"\nkey_env = \"LAKE_KEY\"\n{lake}"
            ),
        );
    }

    /// Writes the configuration with these lines.
    pub(crate) fn configure_at(&self, service: &str, lake: &str) {
        let host = format!("{ACCOUNT}.dfs.core.windows.net");
        self.place.write(
            "aoai-batch.toml",
            &format!(
                "[service]\ndeployment = \"m\"\n{service}\n\
                 [lake]\ninput = \"abfss://input@{host}/inbox\"\nprocessed = \"abfss://done@{host}/\"\n\
                 error = \"abfss://error@{host}/bad\"\n{lake}\n\
                 [run]\npoll_interval = \"100ms\"\nsettle_time = \"0s\"\nlist_settle = \"300ms\"\n\
                 [retry]\ninitial = \"50ms\"\nmax_delay = \"200ms\"\ngive_up_after = \"2s\"\n"
            ),
        );
    }

    pub(crate) fn put(&self, filesystem: &str, path: &str, text: &str) {
        let put = self.control();
        self.runtime.block_on(put.lake_put(ACCOUNT, filesystem, path, text.into())).unwrap();
    }

    /// Runs the binary with every secret in its environment.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, &[])
    }

    pub(crate) fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = self.place.command(args);
        command
            .env("LAKE_KEY", KEY)
            .env("AZURE_CLIENT_SECRET", CLIENT_SECRET)
            .envs(variables.iter().copied());
        let ran = Ran::new(&command.output().unwrap());
        assert!(!ran.out.contains(KEY) && !ran.err.contains(KEY), "a key was printed: {ran:?}");
        ran
    }

    /// Every path of a filesystem that is no work file of ours; none where there is no filesystem.
    pub(crate) fn files(&self, filesystem: &str) -> Vec<String> {
        let entries = self.runtime.block_on(self.control().lake_entries(ACCOUNT, filesystem));
        let entries = entries.unwrap_or_default().into_iter().filter(|entry| !entry.directory);
        entries.map(|entry| entry.path).filter(|path| !path.contains("_aoai-batch")).collect()
    }

    /// The text of the one file whose path ends so.
    pub(crate) fn text(&self, filesystem: &str, ending: &str) -> String {
        let files = self.files(filesystem);
        let found: Vec<_> = files.iter().filter(|path| path.ends_with(ending)).collect();
        assert_eq!(found.len(), 1, "{ending} in {files:?}");
        let key = AzureCredential::AccountKey { account: ACCOUNT.into(), key: Secret::new(KEY.to_owned()) };
        let lake =
            AzureLake::new(&format!("{}/{ACCOUNT}", self.url()), key, AzureLakeOptions::default()).unwrap();
        let at = Location::new(filesystem, LakePath::parse(found[0]).unwrap());
        let bytes = self.runtime.block_on(lake.read_all(&at, 1 << 24)).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// Puts two inputs whose names need care.
    pub(crate) fn fill(&self) {
        self.put("input", "inbox/plain.jsonl", &lines("plain", 5));
        self.put("input", "inbox/sub dir/odd name +%41#ü.jsonl", &lines("odd", 7));
    }

    /// Asserts that both inputs went all the way, and that nothing is left anywhere.
    pub(crate) fn assert_complete(&self, ran: &Ran) {
        self.assert_results(ran);
        for filesystem in ["input", "done", "error"] {
            let entries = self.runtime.block_on(self.control().lake_entries(ACCOUNT, filesystem)).unwrap();
            let left: Vec<_> = entries.iter().filter(|e| e.path.contains(".aoai-tmp-")).collect();
            assert!(left.is_empty(), "{left:?}");
            let work: Vec<_> = entries
                .iter()
                .filter(|e| !e.directory && e.path.contains("_aoai-batch") && !e.path.contains("claims"))
                .collect();
            assert!(work.is_empty(), "work files are left: {work:?}");
        }
    }

    /// Asserts that there is no file at the service, none of ours in the lake, and no batch that runs.
    pub(crate) fn assert_nothing_is_left(&self) {
        let snapshot = self.runtime.block_on(self.control().snapshot());
        assert_eq!(snapshot.files, [], "a service file is left");
        let running = |status: &str| !["completed", "failed", "cancelled", "expired"].contains(&status);
        let running: Vec<_> = snapshot.batches.iter().filter(|batch| running(&batch.status)).collect();
        assert!(running.is_empty(), "{running:?}");
        for filesystem in ["input", "done", "error"] {
            let entries = self.runtime.block_on(self.control().lake_entries(ACCOUNT, filesystem));
            let entries = entries.unwrap_or_default();
            let ours = |entry: &&aoai_emulator::LakeEntry| !entry.directory || entry.path.contains("probe");
            let left: Vec<_> = entries.iter().filter(ours).map(|entry| entry.path.as_str()).collect();
            let kept: &[&str] = if filesystem == "input" { &["inbox/kept.jsonl"] } else { &[] };
            assert_eq!(left, kept, "only the input that was there is there");
        }
    }

    /// Lines that were billed.
    pub(crate) fn billed(&self) -> u64 {
        self.runtime.block_on(self.control().books()).billed_total
    }

    /// Asserts that both inputs went all the way.
    pub(crate) fn assert_results(&self, ran: &Ran) {
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ids(&self.text("done", "/plain_output.jsonl")), ids(&lines("plain", 5)), "in order");
        assert_eq!(ids(&self.text("done", "/odd name +%41#ü_output.jsonl")), ids(&lines("odd", 7)));
        assert_eq!(self.text("done", "/plain.jsonl"), lines("plain", 5), "the input was moved");
        assert!(self.files("done").iter().any(|path| path.starts_with("sub dir/odd name +%41#ü_20")));
        assert_eq!(self.files("input"), [""; 0], "no input is left");
        assert_eq!(self.files("error"), [""; 0], "nothing failed");
        let books = self.runtime.block_on(self.control().books());
        assert_eq!((books.billed_total, books.paid_twice.len()), (12, 0), "{books:?}");
        let snapshot = self.runtime.block_on(self.control().snapshot());
        assert_eq!(snapshot.files, [], "no service file is left");
    }
}

/// An account SAS with these permissions for everything in the account.
pub(crate) fn sas(permissions: &str, expiry: &str) -> String {
    let (services, kinds, version) = ("bf", "sco", "2022-11-02");
    let text =
        format!("{ACCOUNT}\n{permissions}\n{services}\n{kinds}\n\n{expiry}\n\nhttps,http\n{version}\n\n");
    let signature = hmac_sha256(&text, &Secret::new(KEY.to_owned())).unwrap();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("sv", version)
        .append_pair("ss", services)
        .append_pair("srt", kinds)
        .append_pair("sp", permissions)
        .append_pair("se", expiry)
        .append_pair("spr", "https,http")
        .append_pair("sig", &signature);
    query.finish()
}
