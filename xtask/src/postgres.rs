//! A PostgreSQL server of our own, on a free port, with its files in a temporary directory.

use std::{
    fs::{self, File},
    io::Read,
    net::TcpListener,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use crate::{
    run::{self, Outcome},
    scratch::Scratch,
};

mod tools;

use tools::Tools;

const USER: &str = "xtask";
/// A start takes well under a second; recovery after an immediate shutdown, a few.
const START_DEADLINE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(50);
/// Between finding a free port and taking it, somebody else may.
const START_TRIES: u32 = 5;
/// How much of the server's log is told when it does not start.
const TAIL_LINES: usize = 20;

/// A server, which ends with us; so do its files.
pub(crate) struct Cluster {
    // Before `files`: the server has to be gone when they go.
    server: Server,
    tools: Tools,
    files: Scratch,
    port: u16,
    /// Of a database in it, password and all.
    pub(crate) url: String,
}

/// Kills it, whatever happens.
struct Server(Option<Child>);

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(server) = &mut self.0 {
            // Both fail only where it has ended. Its children notice, and end by themselves.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Where it fails, the server is killed.
        let _ = self.stop_immediate();
    }
}

impl Cluster {
    /// Makes a cluster and starts it. It asks for a password, and it syncs: a ledger refuses anything else.
    pub(crate) fn start() -> Result<Self, String> {
        let tools = Tools::find()?;
        let files = Scratch::new("postgres")?;
        let password = random_password()?;
        files.write("password", &password)?;
        tools.own(files.path())?;
        let (data, pwfile) = (text(&files.path().join("data"))?, text(&files.path().join("password"))?);
        let auth = ["--auth", "scram-sha-256", "--username", USER, "--pwfile", &pwfile];
        // Its files need not survive a power failure; what is written later does.
        let shape = ["--pgdata", &data, "--encoding", "UTF8", "--locale", "C", "--no-sync"];
        run::output(tools.command("initdb", files.path()).args(shape).args(auth))?;
        let mut cluster = Self { server: Server(None), tools, files, port: 0, url: String::new() };
        for attempt in 1.. {
            cluster.port = free_port()?;
            match cluster.boot() {
                Err(_) if attempt < START_TRIES && cluster.server.0.is_none() => {}
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        cluster.url = format!("postgres://{USER}:{password}@127.0.0.1:{}/postgres", cluster.port);
        Ok(cluster)
    }

    /// Ends the server as a power failure would: nothing is flushed, and the next start has to recover.
    pub(crate) fn stop_immediate(&mut self) -> Outcome {
        let Some(server) = &mut self.server.0 else { return Ok(()) };
        let data = text(&self.files.path().join("data"))?;
        let stop = ["stop", "--silent", "--mode", "immediate", "--pgdata", &data];
        run::output(self.tools.command("pg_ctl", self.files.path()).args(stop))?;
        server.wait().map_err(|e| format!("postgres: {e}"))?;
        self.server.0 = None;
        Ok(())
    }

    /// Starts the server on the port that it had, and waits until it takes connections.
    pub(crate) fn boot(&mut self) -> Outcome {
        let directory = self.files.path();
        let (data, socket) = (text(&directory.join("data"))?, text(directory)?);
        let log = directory.join("log");
        let log = File::options().create(true).append(true).open(&log).map_err(|e| format!("log: {e}"))?;
        let port = self.port.to_string();
        let mut command = self.tools.command("postgres", directory);
        command.args(["-D", &data, "-h", "127.0.0.1", "-p", &port, "-k", &socket, "-N", "200"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.server.0 = Some(command.spawn().map_err(|e| format!("postgres: {e}"))?);
        let mut waited = Duration::ZERO;
        while waited < START_DEADLINE {
            if let Some(server) = &mut self.server.0
                && let Some(status) = server.try_wait().map_err(|e| format!("postgres: {e}"))?
            {
                self.server.0 = None;
                return Err(format!("postgres ended at its start: {status}\n{}", self.tail()));
            }
            let mut ready = self.tools.command("pg_isready", self.files.path());
            if run::output(ready.args(["--quiet", "--host", "127.0.0.1", "--port", &port])).is_ok() {
                return Ok(());
            }
            thread::sleep(STEP);
            waited += STEP;
        }
        Err(format!("postgres was not ready after {START_DEADLINE:?}\n{}", self.tail()))
    }

    fn tail(&self) -> String {
        let log = fs::read_to_string(self.files.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

fn free_port() -> Result<u16, String> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(free.map_err(|e| format!("no free port: {e}"))?.port())
}

fn random_password() -> Result<String, String> {
    let mut bytes = [0; 16];
    let read = File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes));
    read.map_err(|e| format!("/dev/urandom: {e}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn text(path: &Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("{}: not UTF-8", path.display()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_survives_an_immediate_shutdown() {
        // No other test needs the server, and CI's first steps run without it.
        if !Tools::are_here() {
            return;
        }
        let mut cluster = Cluster::start().unwrap();
        let psql = |cluster: &Cluster, url: &str, sql: &str| {
            let mut psql = cluster.tools.command("psql", cluster.files.path());
            psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--dbname", url, "--command", sql]);
            run::output(&mut psql)
        };
        let say = |cluster: &Cluster, sql: &str| {
            String::from_utf8(psql(cluster, &cluster.url, sql).unwrap()).unwrap().trim().to_owned()
        };
        assert_eq!(say(&cluster, "SHOW fsync"), "on");
        say(&cluster, "CREATE TABLE t (n INT); INSERT INTO t VALUES (7)");
        cluster.stop_immediate().unwrap();
        cluster.boot().unwrap();
        assert_eq!(say(&cluster, "SELECT n FROM t"), "7");
        let wrong = cluster.url.replacen(&format!("{USER}:"), &format!("{USER}:x"), 1);
        assert!(psql(&cluster, &wrong, "SELECT 1").is_err());
        let (path, port) = (cluster.files.path().to_owned(), cluster.port);
        drop(cluster);
        assert!(!path.exists());
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "the server still listens");
    }
}
