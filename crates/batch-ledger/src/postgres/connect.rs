//! Connecting to a ledger.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use batch_orchestrator::ledger::{LedgerError, LedgerErrorKind};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use super::{backend::BEGIN, checks::check, password::PasswordSource, schema};
use crate::{
    Access,
    error::{db, is_refused},
    meta,
};

/// How long to wait for a connection before the server counts as away.
const ACQUIRE: Duration = Duration::from_secs(10);
/// How long a server may be away when we start, and how long to wait before the second try.
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// How long to wait before a source that had no password is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// How to connect.
#[derive(Clone)]
pub struct PgOptions {
    /// `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=…]`. Without an `sslmode`, the server's certificate is
    /// verified in full, unless it is on this machine; `sslrootcert` names a PEM file of one's own authority.
    pub url: SecretString,
    /// Asked for the password, instead of the URL.
    pub password: Option<Arc<dyn PasswordSource>>,
    /// What for.
    pub access: Access,
    /// Whether a pooler in transaction mode (PgBouncer) stands between: nothing is prepared then.
    pub transaction_pooler: bool,
    /// Connections at the most. Transactions are short, so a few do.
    pub max_connections: u32,
}

impl PgOptions {
    /// To work at this URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into().into(),
            password: None,
            access: Access::Work,
            transaction_pooler: false,
            max_connections: 6,
        }
    }
}

/// Without URL and password.
impl fmt::Debug for PgOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOptions").field("access", &self.access).finish_non_exhaustive()
    }
}

/// [`Ledger`](batch_orchestrator::ledger::Ledger) in a PostgreSQL database (12 or later), which any number of workers share.
///
/// # Guarantees
/// A server that may lose what it has committed is refused. Transactions are short, and none is open while anybody waits
/// for something else. Time is the server's. A connection that breaks is replaced; what was under way fails with
/// `Unavailable` and may be tried again.
pub struct PgLedger {
    pub(super) pool: PgPool,
    pub(super) id: String,
    options: PgConnectOptions,
    source: Option<Source>,
}

struct Source {
    passwords: Arc<dyn PasswordSource>,
    renew_at: Mutex<Option<Instant>>,
}

impl fmt::Debug for PgLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgLedger").field("id", &self.id).finish_non_exhaustive()
    }
}

impl PgLedger {
    /// Connects, and creates the tables if need be. A server that is away for a moment, as while it restarts, is waited for.
    ///
    /// # Errors
    /// `Unavailable`, `Newer`, `Corrupt` (the database holds something else), or `Unusable` (no permission, a wrong
    /// password, a server that does not keep what it commits).
    pub async fn connect(options: &PgOptions) -> Result<Self, LedgerError> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            match Self::try_connect(options).await {
                Err(error) if error.kind == LedgerErrorKind::Unavailable && started.elapsed() < PATIENCE => {
                    sleep(pause).await;
                    pause *= 2;
                }
                other => return other,
            }
        }
    }

    async fn try_connect(options: &PgOptions) -> Result<Self, LedgerError> {
        let mut connect = parse(&options.url)?;
        if options.transaction_pooler {
            connect = connect.statement_cache_capacity(0);
        }
        let mut source = None;
        if let Some(passwords) = &options.password {
            let (secret, renew_at) = ask(passwords.as_ref()).await?;
            connect = connect.password(secret.expose_secret());
            source = Some(Source { passwords: passwords.clone(), renew_at: Mutex::new(renew_at) });
        }
        let place = place(&connect);
        let failed = |error| meta::in_place(&place, db("connect to the ledger")(error));
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections.max(2))
            .acquire_timeout(ACQUIRE)
            .connect_with(connect.clone())
            .await
            .map_err(failed)?;
        // Through a pooler, what is outside a transaction may be answered by several connections.
        let mut tx = pool.begin_with(BEGIN).await.map_err(failed)?;
        check(&mut tx, options.access == Access::Look).await?;
        let id = schema::prepare(&mut tx, &place, options.access == Access::Work).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Self { pool, id, options: connect, source })
    }

    /// A transaction on a connection of the pool.
    pub(super) async fn begin_with(
        &self,
        statement: &'static str,
        operation: &'static str,
    ) -> Result<Transaction<'static, Postgres>, LedgerError> {
        self.renew_password(false).await?;
        let begun = self.pool.begin_with(statement).await;
        if self.source.is_none() || !begun.as_ref().is_err_and(is_refused) {
            return begun.map_err(db(operation));
        }
        // A password may end before its time.
        self.renew_password(true).await?;
        self.pool.begin_with(statement).await.map_err(db(operation))
    }

    /// New connections get a password that is good now; those that are open do not need one any more.
    async fn renew_password(&self, refused: bool) -> Result<(), LedgerError> {
        let Some(source) = &self.source else { return Ok(()) };
        let mut renew_at = source.renew_at.lock().await;
        if !refused && renew_at.is_none_or(|at| Instant::now() < at) {
            return Ok(());
        }
        let (secret, next) = match ask(source.passwords.as_ref()).await {
            Ok(answer) => answer,
            // Half of its time is left: the one that we have may do for now.
            Err(_) if !refused => {
                *renew_at = Some(Instant::now() + ASK_AGAIN);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.pool.set_connect_options(self.options.clone().password(secret.expose_secret()));
        *renew_at = next;
        Ok(())
    }
}

fn parse(url: &SecretString) -> Result<PgConnectOptions, LedgerError> {
    let url = url.expose_secret();
    // The reader's own error quotes the URL.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        let message = "the URL of the ledger cannot be read, expected postgres://USER@HOST/DATABASE";
        LedgerError::new(LedgerErrorKind::Unusable, "connect to the ledger", message)
    })?;
    let chosen = url.contains("sslmode=") || url.contains("ssl-mode=");
    // A pooler refuses settings that it does not know, and no number here is a float.
    let options = options.application_name("aoai-batch").extra_float_digits(None);
    if chosen {
        return Ok(options);
    }
    let here = options.get_socket().is_some()
        || matches!(options.get_host(), "localhost" | "127.0.0.1" | "::1" | "[::1]")
        || options.get_host().starts_with('/');
    let mode = if here { PgSslMode::Prefer } else { PgSslMode::VerifyFull };
    Ok(options.ssl_mode(mode))
}

/// For messages: where the ledger is, and nothing secret.
fn place(options: &PgConnectOptions) -> String {
    format!("{}:{}/{}", options.get_host(), options.get_port(), options.get_database().unwrap_or_default())
}

async fn ask(source: &dyn PasswordSource) -> Result<(SecretString, Option<Instant>), LedgerError> {
    let password = source.password().await.map_err(|error| LedgerError {
        kind: LedgerErrorKind::Unavailable,
        operation: "connect to the ledger",
        message: "no password could be had".into(),
        source: Some(error),
    })?;
    Ok((password.secret, password.valid_for.map(|time| Instant::now() + time / 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> PgSslMode {
        parse(&SecretString::from(url)).unwrap().get_ssl_mode()
    }

    #[test]
    fn other_machines_are_verified_unless_the_url_says_otherwise() {
        assert!(matches!(mode("postgres://u@db.example/x"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://u@10.0.0.1/x"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://u@db.example/x?sslmode=disable"), PgSslMode::Disable));
        for here in
            ["postgres://u@localhost/x", "postgres://u@127.0.0.1:5433/x", "postgres:///x?host=/run/pg"]
        {
            assert!(matches!(mode(here), PgSslMode::Prefer), "{here}");
        }
    }

    #[test]
    fn a_pooler_is_asked_for_no_setting_that_it_does_not_know() {
        for url in ["postgres://u@db.example/x", "postgres://u@db.example/x?sslmode=require"] {
            let options = format!("{:?}", parse(&SecretString::from(url)).unwrap());
            assert!(options.contains("extra_float_digits: None"), "{options}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let options = PgOptions::new("postgres://u:s3cret@db.example/x");
        assert!(!format!("{options:?}").contains("s3cret"));
        let error = parse(&SecretString::from("postgres://u:s3cret@[bad")).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("s3cret"));
        let place = place(&parse(&options.url).unwrap());
        assert_eq!(place, "db.example:5432/x");
    }
}
