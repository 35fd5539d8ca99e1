//! A directory with a configuration, and the binary.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// An inbox and a configuration with this `[service]` endpoint; polling is quick.
    pub(crate) fn new(endpoint: &str) -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(place.path("inbox")).unwrap();
        place.write(
            "aoai-batch.toml",
            &format!(
                "[service]\nendpoint = \"{endpoint}\"\ndeployment = \"m\"\nkey_env = \"TEST_KEY\"\n\
                 [lake]\ninput = \"file:./inbox\"\nprocessed = \"file:./processed\"\nerror = \"file:./error\"\n\
                 [run]\npoll_interval = \"100ms\"\nsettle_time = \"0s\"\nlist_settle = \"300ms\"\n\
                 [retry]\ninitial = \"50ms\"\nmax_delay = \"200ms\"\ngive_up_after = \"2s\"\n"
            ),
        );
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn append(&self, name: &str, text: &str) {
        let old = fs::read_to_string(self.path(name)).unwrap();
        self.write(name, &(old + text));
    }

    /// The binary, here, with nothing of the surroundings' configuration.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aoai-batch"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_remove("APP_CONFIG")
            .env("TEST_KEY", "s3cret-key");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::new(&self.command(args).output().unwrap())
    }

    /// Paths of all files below a directory, sorted; our own are left out.
    pub(crate) fn files(&self, below: &str) -> Vec<String> {
        let mut found = Vec::new();
        let root = self.path(below);
        walk(&root, &root, &mut found);
        found.retain(|path| !path.starts_with("_aoai-batch"));
        found.sort();
        found
    }

    /// The text of the one file whose path ends so.
    pub(crate) fn text(&self, below: &str, ending: &str) -> String {
        let files = self.files(below);
        let found: Vec<_> = files.iter().filter(|path| path.ends_with(ending)).collect();
        assert_eq!(found.len(), 1, "{ending} in {files:?}");
        fs::read_to_string(self.path(below).join(found[0])).unwrap()
    }
}

fn walk(root: &Path, dir: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

/// What a run of the binary left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let ran = Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) };
        assert!(!ran.out.contains("s3cret") && !ran.err.contains("s3cret"), "a secret was printed: {ran:?}");
        ran
    }

    /// Standard output as JSON lines.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).expect("nothing but JSON on standard output"))
            .collect()
    }
}

pub(crate) fn lines(prefix: &str, count: usize) -> String {
    (0..count)
        .map(|n| {
            format!(
                r#"{{"custom_id":"{prefix}-{n}","method":"POST","url":"/chat/completions","body":{{"model":"m","messages":[{{"role":"user","content":"Hi {n}"}}]}}}}"#
            ) + "\n"
        })
        .collect()
}

pub(crate) fn ids(text: &str) -> Vec<String> {
    let id = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["custom_id"].as_str().unwrap().to_owned()
    };
    text.lines().map(id).collect()
}

/// The emulator in a process of its own.
pub(crate) struct EmulatorProcess {
    child: Child,
    pub(crate) url: String,
}

impl EmulatorProcess {
    pub(crate) fn start(place: &Place, settings: &str) -> Self {
        place.write("emulator.toml", settings);
        let mut command = place.command(&[
            "emulator",
            "--port",
            "0",
            "--key-env",
            "TEST_KEY",
            "--settings",
            "emulator.toml",
        ]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
        Self { child, url: ready["url"].as_str().unwrap().to_owned() }
    }

    /// `GET` below `/_emulator/`, by the plainest client there is.
    pub(crate) fn get(&self, path: &str) -> serde_json::Value {
        use std::io::{Read, Write};
        let address = self.url.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "GET /_emulator/{path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for EmulatorProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
