//! What a round is: its files, its service, its configuration. All of it is drawn.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    options::Ledger,
    random::Random,
    worker::{LAKE_KEY_VARIABLE, SERVICE_KEY_VARIABLE},
};
use crate::emulator::{ACCOUNT, Ready};

const DEPLOYMENT: &str = "kill-batch";
/// More lines than this are sent in parts.
const LINES_OF_A_PART: u64 = 5;
/// How long a claim holds without a heartbeat.
pub(super) const LEASE_MS: u64 = 1000;

/// A file that is put in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Input {
    pub(super) text: String,
    /// It is to be refused as a whole.
    pub(super) broken: bool,
}

/// Files by their path below the input directory.
pub(super) type Inputs = BTreeMap<String, Input>;

/// One round.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) inputs: Inputs,
    /// Whether the lake is the emulator's storage account.
    pub(super) account: bool,
    transfer: &'static str,
    /// The emulator's settings.
    pub(super) settings: String,
    concurrency: u64,
    in_flight: u64,
    attempts: u64,
}

impl Plan {
    pub(super) fn draw(random: &mut Random) -> Self {
        let account = random.chance(40);
        Self {
            inputs: inputs(random),
            account,
            transfer: if account { random.pick(&["upload", "import", "blob"]) } else { "upload" },
            settings: settings(random),
            concurrency: random.between(1, 6),
            in_flight: random.between(3, 12),
            attempts: random.between(1, 4),
        }
    }

    /// No files of its own, and room for all there are.
    pub(super) fn wide() -> Self {
        Self {
            inputs: Inputs::new(),
            account: false,
            transfer: "upload",
            settings: String::new(),
            concurrency: 4,
            in_flight: 10_000,
            attempts: 4,
        }
    }

    /// In a few words.
    pub(super) fn shown(&self) -> String {
        let lake = if self.account { "adls" } else { "local" };
        format!("{lake}/{}", self.transfer)
    }

    /// The program's configuration.
    pub(super) fn config(&self, ready: &Ready, ledger: Option<&str>) -> String {
        let Self { transfer, concurrency, in_flight, attempts, .. } = self;
        let place = |name: &str| match self.account {
            true => format!("abfss://{name}@{ACCOUNT}.dfs.core.windows.net/"),
            false => format!("file:./{name}"),
        };
        let (input, processed, error) = (place("input"), place("processed"), place("error"));
        let account = match self.account {
            true => format!(
                "endpoint = \"{}\"\nauth = \"account_key\"\nkey_env = \"{LAKE_KEY_VARIABLE}\"\n",
                ready.endpoint
            ),
            false => String::new(),
        };
        let ledger = ledger.map_or_else(String::new, |url| format!("[ledger]\nurl = \"{url}\"\n"));
        let service = &ready.url;
        format!(
            r#"[service]
endpoint = "{service}"
key_env = "{SERVICE_KEY_VARIABLE}"
deployment = "{DEPLOYMENT}"
transfer = "{transfer}"
request_attempts = {attempts}

[lake]
input = "{input}"
processed = "{processed}"
error = "{error}"
{account}
[run]
scan_interval = "300ms"
poll_interval = "100ms"
settle_time = "0s"
list_settle = "1s"
lease = "{LEASE_MS}ms"
max_in_flight = {in_flight}
concurrency = {concurrency}

[limits]
max_lines = {LINES_OF_A_PART}
split = true

[retry]
attempt_delay = "200ms"
initial = "50ms"
max_delay = "500ms"

[tokens]
count = false

{ledger}"#
        )
    }
}

impl Ledger {
    /// How many processes work at once.
    pub(super) fn workers(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 3,
        }
    }

    /// How many rounds are played at once: a single worker waits most of the time.
    pub(super) fn lanes(self) -> usize {
        match self {
            Self::Sqlite => 4,
            Self::Postgres => 2,
        }
    }
}

/// A dozen files, one of which is broken.
fn inputs(random: &mut Random) -> Inputs {
    let mut inputs = Inputs::new();
    for number in 0..12 {
        let folder = random.pick(&["", "", "sub/", "sub/deep/"]);
        let stem = format!("f{number:02}");
        let lines = random.between(1, 3 * LINES_OF_A_PART);
        inputs.insert(format!("{folder}{stem}.jsonl"), Input { text: requests(&stem, lines), broken: false });
    }
    let text = requests("broken", 2) + "this is no JSON\n";
    inputs.insert("sub/broken.jsonl".to_owned(), Input { text, broken: true });
    inputs
}

/// Request lines that are in no other file.
pub(super) fn requests(stem: &str, lines: u64) -> String {
    let line = |number| {
        json!({
            "custom_id": format!("{stem}-{number}"),
            "method": "POST",
            "url": "/chat/completions",
            "body": {
                "model": DEPLOYMENT,
                "messages": [{ "role": "user", "content": format!("Say {number} for {stem}.") }],
            },
        })
    };
    (1..=lines).map(|number| format!("{}\n", line(number))).collect()
}

/// A service of uneven temper: times, list lag, lines that fail, batches that expire, little room, and requests that go
/// wrong in every way.
fn settings(random: &mut Random) -> String {
    let mut text = format!(
        r#"seed = {seed}

[lake]
require_auth = false
create_filesystems = ["input", "processed", "error"]

[files]
processing = "{processing}ms"
list_lag = "{file_lag}ms"

[batches]
validating = "{validating}ms"
in_progress = "{in_progress}ms"
in_progress_spread = 1.0
finalizing = "{finalizing}ms"
list_lag = "{lag}ms"
missing_input = "{missing}"

[[outcomes]]
fraction = 0.1
outcome = {{ error = {{ status = 400, code = "content_filter", message = "no" }} }}

[[outcomes]]
fraction = 0.05
outcome = "missing"
"#,
        seed = random.between(0, 1 << 40),
        processing = random.between(1, 100),
        file_lag = random.pick(&[0, 0, 200]),
        validating = random.between(10, 150),
        in_progress = random.between(50, 600),
        finalizing = random.between(10, 150),
        lag = random.pick(&[0, 100, 300]),
        missing = random.pick(&["reject", "fail_batch"]),
    );
    if random.chance(30) {
        let times = random.between(1, 4);
        text += &format!("\n[batches.expiry]\nafter_lines = 2\ntimes = {times}\n");
    }
    if random.chance(30) {
        let mode = random.pick(&["fail_fast", "fail_later"]);
        text += &format!("\n[quota]\nmax_enqueued_tokens = 500\nmode = \"{mode}\"\n");
    }
    let late = random.between(20, 2500);
    let delay = random.between(20, 300);
    for (operation, percent, effect) in [
        ("create_batch", 20, format!("{{ delay = {{ ms = {delay} }} }}")),
        ("create_batch", 5, "\"reset_after\"".to_owned()),
        ("create_batch", 4, "{ status_after = { code = 500 } }".to_owned()),
        ("create_batch", 5, format!("{{ late = {{ ms = {late} }} }}")),
        ("create_batch", 3, "\"reset_before\"".to_owned()),
        ("create_batch", 3, "{ status = { code = 429, retry_after = 0 } }".to_owned()),
        ("create_batch", 4, "{ truncate_body = { bytes = 20 } }".to_owned()),
        ("upload_file", 4, "\"reset_after\"".to_owned()),
        ("upload_file", 3, "{ status_after = { code = 500 } }".to_owned()),
        ("file_content", 5, "{ truncate_body = { bytes = 100 } }".to_owned()),
        ("delete_file", 5, "\"reset_after\"".to_owned()),
        ("", 10, "{ delay = { ms = 20 } }".to_owned()),
        ("", 1, "{ status = { code = 503, retry_after = 0 } }".to_owned()),
        ("", 1, "\"reset_before\"".to_owned()),
        ("", 1, "\"reset_after\"".to_owned()),
    ] {
        let operation = match operation {
            "" => String::new(),
            name => format!("operation = \"{name}\", "),
        };
        text += &format!(
            "\n[[faults]]\nmatch = {{ {operation}fraction = {:.2} }}\neffect = {effect}\n",
            f64::from(percent) / 100.0
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_round() {
        let draw = |seed| Plan::draw(&mut Random::new(seed));
        let (one, same, other) = (draw(1), draw(1), draw(2));
        assert_eq!((&one.inputs, &one.settings), (&same.inputs, &same.settings));
        assert_ne!(one.settings, other.settings);
        assert_eq!(one.inputs.values().filter(|input| input.broken).count(), 1);
        assert_eq!(one.inputs.len(), 13);
    }

    #[test]
    fn the_configuration_names_what_it_is_about() {
        let ready = Ready { url: "http://h:1".into(), endpoint: "http://h:1/a".into(), tls: None };
        let plan = Plan { account: true, transfer: "blob", ..Plan::draw(&mut Random::new(1)) };
        let text = plan.config(&ready, Some("postgres://u:p@h/db"));
        for part in
            ["\"http://h:1\"", "\"http://h:1/a\"", "abfss://error@", "\"blob\"", "postgres://u:p@h/db"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        let local = Plan { account: false, ..plan }.config(&ready, None);
        assert!(local.contains("file:./error") && !local.contains("[ledger]"), "{local}");
    }
}
