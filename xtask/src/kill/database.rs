//! The database below a shared ledger, and what may happen to it.

use std::{
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    postgres::Cluster,
    run::{self, Outcome},
};

/// A database server of this run's own.
pub(super) struct Database {
    server: Mutex<Server>,
}

struct Server {
    cluster: Cluster,
    /// How many databases were made.
    made: u32,
}

impl Database {
    pub(super) fn start() -> Result<Self, String> {
        Ok(Self { server: Mutex::new(Server { cluster: Cluster::start()?, made: 0 }) })
    }

    /// The address of an empty database.
    pub(super) fn fresh(&self) -> Result<String, String> {
        let mut server = self.lock();
        server.made += 1;
        let name = format!("round{}", server.made);
        server.execute(&format!("CREATE DATABASE {name}"))?;
        let (address, _) =
            server.cluster.url.rsplit_once('/').ok_or("the server has an address without a database")?;
        Ok(format!("{address}/{name}"))
    }

    /// Stops it as a power failure would, and starts it again.
    pub(super) fn restart(&self) -> Outcome {
        let mut server = self.lock();
        server.cluster.stop_immediate()?;
        server.cluster.boot()
    }

    /// Ends all connections of the program.
    pub(super) fn cut(&self) -> Outcome {
        self.lock().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> current_database()",
        )
    }

    fn lock(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    fn execute(&self, sql: &str) -> Outcome {
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--dbname", &self.cluster.url, "--command", sql]);
        run::output(&mut psql).map(drop)
    }
}
