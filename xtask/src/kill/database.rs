//! The database below a shared ledger, and what may happen to it.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::Command,
    sync::{Mutex, PoisonError},
};

use crate::{
    run::{self, Outcome},
    scratch::Scratch,
};

const USER: &str = "kill";
/// Good for nothing but this run's own server on this machine, which does not ask for it.
const PASSWORD: &str = "kill";
/// A server refuses to run as root; its package made this user.
const UNPRIVILEGED: &str = "postgres";

/// A database server of this run's own.
pub(super) struct Database {
    tools: PathBuf,
    files: Scratch,
    port: u16,
    /// How many databases there are; one restart at a time, besides.
    made: Mutex<u32>,
}

impl Drop for Database {
    fn drop(&mut self) {
        // Its files go with it.
        let _ = self.control(&["stop", "--mode", "immediate"]);
    }
}

impl Database {
    pub(super) fn start() -> Result<Self, String> {
        let files = Scratch::new("kill-postgres")?;
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_err(|e| format!("no free port: {e}"))?.port();
        let database = Self { tools: tools()?, files, port, made: Mutex::new(0) };
        if is_root() {
            run::output(Command::new("chown").arg(UNPRIVILEGED).arg(database.files.path()))?;
        }
        let data = database.data();
        let data = data.to_str().ok_or("the temporary directory has a name that is not UTF-8")?;
        database.tool("initdb", &["--pgdata", data, "--username", USER, "--auth", "trust"])?;
        database.control(&["start"])?;
        Ok(database)
    }

    /// The address of an empty database.
    pub(super) fn fresh(&self) -> Result<String, String> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        *made += 1;
        let name = format!("round{made}");
        self.say("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{name}", self.port))
    }

    /// Stops it as a power failure would, and starts it again.
    pub(super) fn restart(&self) -> Outcome {
        let _one = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        self.control(&["restart", "--mode", "immediate"])
    }

    /// Ends all connections.
    pub(super) fn cut(&self) -> Outcome {
        let _one = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        self.say(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> 'postgres'",
        )
    }

    fn say(&self, database: &str, sql: &str) -> Outcome {
        let port = self.port.to_string();
        let at = ["--host", "127.0.0.1", "--port", &port, "--username", USER, "--dbname", database];
        self.tool("psql", &[&at[..], &["--no-psqlrc", "--quiet", "--command", sql]].concat())
    }

    fn control(&self, what: &[&str]) -> Outcome {
        let (data, log) = (self.data(), self.files.path().join("log"));
        let socket = self.files.path().display();
        let options = format!("-p {} -h 127.0.0.1 -k {socket}", self.port);
        let [data, log] = [&data, &log].map(|path| path.to_string_lossy().into_owned());
        let at = ["--pgdata", &data, "--log", &log, "--options", &options, "--wait", "--silent"];
        self.tool("pg_ctl", &[what, &at[..]].concat())
    }

    fn data(&self) -> PathBuf {
        self.files.path().join("data")
    }

    fn tool(&self, name: &str, arguments: &[&str]) -> Outcome {
        let program = self.tools.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", UNPRIVILEGED, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        // The directory that we are in need not be one that the other user may enter.
        run::output(command.current_dir(self.files.path()).args(arguments)).map(drop)
    }
}

/// Where the server's programs are.
fn tools() -> Result<PathBuf, String> {
    let told = run::output(Command::new("pg_config").arg("--bindir"));
    let told = told.ok().map(|path| PathBuf::from(String::from_utf8_lossy(&path).trim()));
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut packaged: Vec<PathBuf> = packaged.map(|version| version.path().join("bin")).collect();
    packaged.sort();
    told.into_iter()
        .chain(packaged.into_iter().rev())
        .find(|path| path.join("initdb").is_file())
        .ok_or_else(|| "PostgreSQL is needed: install its server (Debian, Ubuntu: postgresql)".to_owned())
}

fn is_root() -> bool {
    let told = run::output(Command::new("id").arg("-u"));
    told.is_ok_and(|id| id.trim_ascii() == b"0")
}
