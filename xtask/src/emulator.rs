//! The emulator in a process of its own.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{run::Outcome, scratch::Scratch};

pub(crate) const ACCOUNT: &str = "devstoreaccount1";
/// The key that everybody knows, of the account that every storage emulator has.
pub(crate) const WELL_KNOWN_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// It starts in well under a second.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// What the emulator says of itself when it is ready.
#[derive(Debug, PartialEq)]
pub(crate) struct Ready {
    /// Of the service and of what is below `/_emulator`; without a `/` at its end.
    pub(crate) url: String,
    /// Of the storage account.
    pub(crate) endpoint: String,
    pub(crate) tls: Option<Tls>,
}

/// Bearer tokens are only sent over TLS.
#[derive(Debug, PartialEq)]
pub(crate) struct Tls {
    pub(crate) endpoint: String,
    /// The certificate to trust, a file.
    pub(crate) ca: String,
}

/// A running emulator, which ends with us, whatever happens.
pub(crate) struct Emulator {
    process: Child,
    /// Where its files are: it is killed, and clears nothing away.
    _files: Scratch,
    pub(crate) ready: Ready,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Emulator {
    /// Starts it on a free port and waits for its ready line.
    pub(crate) fn start(
        binary: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self, String> {
        let files = Scratch::new("emulator")?;
        let mut command = Command::new(binary);
        // The names of the temporary directory here and there.
        command.envs(["TMPDIR", "TMP", "TEMP"].map(|name| (name, files.path())));
        command.args(["emulator", "--quiet", "--port", "0"]).args(arguments);
        command.envs(environment.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        let process = command.spawn().map_err(|e| format!("{}: {e}", binary.display()))?;
        // From here on the process is guarded.
        let nothing = Ready { url: String::new(), endpoint: String::new(), tls: None };
        let mut emulator = Self { process, _files: files, ready: nothing };
        let output = emulator.process.stdout.take().ok_or("the emulator has no standard output")?;
        let (sender, receiver) = mpsc::channel();
        // It reads to the end: a pipe that nobody reads would stop the emulator.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let line = receiver.recv_timeout(START_DEADLINE).map_err(|_| {
            format!("`{} emulator {}` did not get ready", binary.display(), arguments.join(" "))
        })?;
        emulator.ready = Ready::parse(&line)?;
        Ok(emulator)
    }

    /// It must not have ended yet.
    pub(crate) fn runs(&mut self) -> Outcome {
        match self.process.try_wait() {
            Ok(Some(status)) => Err(format!("the emulator ended before it was told to: {status}")),
            _ => Ok(()),
        }
    }
}

impl Ready {
    /// Reads the ready line. Where it says nothing of storage, that is as with every storage emulator: the account's
    /// name is the first segment of the path.
    fn parse(line: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("the emulator's ready line {why}: {line}");
        let value: Value = serde_json::from_str(line).map_err(|_| wrong("is not JSON"))?;
        if value["ready"] != true {
            return Err(wrong("does not say that it is ready"));
        }
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let url = text("/url").ok_or_else(|| wrong("has no URL"))?;
        let url = url.trim_end_matches('/').to_owned();
        let endpoint = text("/storage/url").unwrap_or_else(|| format!("{url}/{ACCOUNT}"));
        let tls = match text("/storage/tls_url") {
            None => None,
            Some(endpoint) => Some(Tls {
                endpoint,
                ca: text("/tls/ca_file").ok_or_else(|| wrong("has TLS and no certificate to trust"))?,
            }),
        };
        Ok(Self { url, endpoint, tls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_ready_line_has_the_usual_account() {
        let ready = Ready::parse(r#"{"ready":true,"url":"http://127.0.0.1:5/","port":5}"#).unwrap();
        assert_eq!(ready.url, "http://127.0.0.1:5");
        assert_eq!(ready.endpoint, "http://127.0.0.1:5/devstoreaccount1");
        assert_eq!(ready.tls, None);
    }

    #[test]
    fn a_ready_line_may_say_more() {
        let line = r#"{"ready":true,"url":"http://h:5","storage":{"url":"http://h:6/a","tls_url":"https://h:7/a"},
            "tls":{"url":"https://h:7","ca_file":"/tmp/ca.pem"}}"#;
        let ready = Ready::parse(line).unwrap();
        assert_eq!((ready.url.as_str(), ready.endpoint.as_str()), ("http://h:5", "http://h:6/a"));
        let tls = ready.tls.unwrap();
        assert_eq!((tls.endpoint.as_str(), tls.ca.as_str()), ("https://h:7/a", "/tmp/ca.pem"));
    }

    #[test]
    fn other_lines_are_not_ready() {
        let tls_alone = r#"{"ready":true,"url":"http://h","storage":{"tls_url":"https://h"}}"#;
        for line in ["", "hello", "{}", r#"{"ready":false,"url":"x"}"#, r#"{"ready":true}"#, tls_alone] {
            assert!(Ready::parse(line).is_err(), "{line}");
        }
    }
}
