//! The faults, and the files that are to get through them.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

pub(super) const DEPLOYMENT: &str = "faults-batch";
const FILES: usize = 3;
const LINES: usize = 4;
/// Longer than any client waits.
const TOO_LATE_MS: u64 = 60_000;
/// Later than whoever tries again, and later than our lists settle.
const LATE_MS: u64 = 2_500;

/// One fault.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    /// For the emulator.
    pub(super) rule: Option<Value>,
    /// When the client is killed, if it is.
    pub(super) crash: Option<Crash>,
    /// The time-out that the script is given; the client's own default is ten minutes.
    pub(super) timeout: Option<&'static str>,
    /// What may still happen at the service after the client has ended.
    pub(super) aftermath: Duration,
}

/// When a client is killed: so long after the emulator saw this.
#[derive(Debug)]
pub(super) struct Crash {
    pub(super) seen: Seen,
    pub(super) after: Duration,
}

/// What the emulator saw.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seen {
    /// A batch exists.
    Batch,
    /// Results were asked for.
    Download,
}

impl Seen {
    /// Whether it has happened, by the emulator's state.
    pub(super) fn is_in(self, state: &Value) -> bool {
        match self {
            Self::Batch => state["batches"].as_array().is_some_and(|batches| !batches.is_empty()),
            Self::Download => state["requests"]["file_content"].as_u64().is_some_and(|count| count > 0),
        }
    }
}

/// All faults.
pub(super) fn all() -> Vec<Case> {
    let rule = |operation: &str, times: u32, effect: Value| json!({ "match": { "operation": operation }, "effect": effect, "times": times });
    let case = |name, rule| Case { name, rule, crash: None, timeout: None, aftermath: Duration::ZERO };
    let create = |name, effect| case(name, Some(rule("create_batch", 1, effect)));
    let download = |name, times, effect| case(name, Some(rule("file_content", times, effect)));
    let killed = |name, rule, seen, ms| Case {
        crash: Some(Crash { seen, after: Duration::from_millis(ms) }),
        ..case(name, rule)
    };
    let no_answer = json!({ "late_answer": { "ms": TOO_LATE_MS } });
    vec![
        case("nothing", None),
        create("create: the answer is lost", json!("reset_after")),
        create("create: 500 after the effect", json!({ "status_after": { "code": 500 } })),
        Case { timeout: Some("3"), ..create("create: no answer in time", no_answer.clone()) },
        create("create: a cut answer", json!({ "truncate_body": { "bytes": 20 } })),
        Case {
            aftermath: Duration::from_millis(LATE_MS + 500),
            ..create("create: reset, and a late effect", json!({ "late": { "ms": LATE_MS } }))
        },
        create("create: reset before the effect", json!("reset_before")),
        create("create: 503", json!({ "status": { "code": 503 } })),
        create("create: 429", json!({ "status": { "code": 429, "retry_after": 1 } })),
        download("download: cut once", 1, json!({ "truncate_body": { "bytes": 300 } })),
        download("download: cut three times", 3, json!({ "truncate_body": { "bytes": 300 } })),
        download("download: 500 three times", 3, json!({ "status": { "code": 500 } })),
        download("download: reset three times", 3, json!("reset_before")),
        killed(
            "killed before create is answered",
            Some(rule("create_batch", 1, no_answer.clone())),
            Seen::Batch,
            0,
        ),
        killed("killed while the batch runs", None, Seen::Batch, 300),
        killed("killed during the download", Some(rule("file_content", 1, no_answer)), Seen::Download, 0),
    ]
}

/// The files by their name.
pub(super) fn inputs() -> BTreeMap<String, String> {
    let line = |file: usize, number: usize| {
        json!({
            "custom_id": format!("f{file}-{number}"),
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": DEPLOYMENT,
                "messages": [{ "role": "user", "content": format!("Say {number} for file {file}.") }],
            },
        })
    };
    let text = |file| (1..=LINES).map(|number| format!("{}\n", line(file, number))).collect();
    (1..=FILES).map(|file| (format!("f{file}.jsonl"), text(file))).collect()
}
