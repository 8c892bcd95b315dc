//! Connections: from the URL to a pool, and the few ways the verbs use one.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::{Connect, Manager, ManagerConfig, Object, RecyclingMethod, Runtime, Transaction};
use futures_util::future::try_join_all;
use futures_util::{StreamExt, stream};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Row, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{connect_timeout, is_conflict};
use super::gate::{Gate, away};
use super::{hosts, tls};
use crate::pool::{PoolFigures, Waits};
use crate::{StoreError, StoreOptions};

/// Settings of every session.
///
/// - Plans: each statement has exactly one good plan, by an index, and a generic one is made once per
///   connection. The planner would choose by what it believes of the table, and `tasks` is empty at one
///   moment and has millions of rows at the next: a plan made for an empty table is a walk through the whole
///   table later. So scans are switched off, and the statements leave no other choice either: tasks are
///   found by id without a join, by `LATERAL … LIMIT 1`, or by `ctid`; and where a partial index is not
///   meant to be used, its predicate is written so that it does not match. Just-in-time compilation would
///   cost more than any statement here takes.
/// - `statement_timeout` is a backstop for writes; readers have a shorter one of their own.
/// - `idle_in_transaction_session_timeout`: a process that hangs with rows locked lets go of them.
const SESSION: &str = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off \
                       -c jit=off -c timezone=UTC -c statement_timeout=60s \
                       -c idle_in_transaction_session_timeout=60s";

/// How often a transaction is tried that PostgreSQL chose as the victim of a conflict.
pub(super) const TRIES: usize = 5;

/// Statements that were sent, on all connections of this process: like the metrics, it belongs to the process.
static STATEMENTS: AtomicU64 = AtomicU64::new(0);

/// Answers that came, likewise.
static ANSWERS: AtomicU64 = AtomicU64::new(0);

/// Connections that were taken from pools; it belongs to the process likewise.
static WAITS: Waits = Waits::new();

/// A parameter list, as tokio-postgres wants it.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How to connect.
#[derive(Clone)]
pub(super) struct Target {
    /// One for each server, in the order of the URL.
    hosts: Vec<Config>,
    tls: MakeRustlsConnect,
    within: Duration,
    pub(super) gate: Gate,
}

/// A connection that has just been opened.
type Opened = (Client, Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>);

/// The connections of a store.
pub(super) struct Pool {
    inner: deadpool_postgres::Pool,
    gate: Gate,
}

impl Pool {
    /// Closes those that nobody uses, and the others when they are given back.
    pub(super) fn close(&self) {
        self.inner.close();
    }
}

impl Target {
    /// Reads the URL. Neither it nor the errors it leads to are ever printed: it holds the password.
    pub(super) fn parse(url: &str, options: &StoreOptions) -> Result<Self, StoreError> {
        let (url, verify) = split_verify(url);
        let mut hosts = hosts::each(&url).map_err(|error| StoreError::InvalidUrl(reason(&error)))?;
        let within = options.connect_timeout;
        let share = hosts::share(within, hosts.len());
        for config in &mut hosts {
            if verify {
                config.ssl_mode(SslMode::Require);
            }
            if config.get_application_name().is_none() {
                config.application_name("taskward");
            }
            let session =
                config.get_options().map_or_else(|| SESSION.to_owned(), |own| format!("{SESSION} {own}"));
            config.options(session).connect_timeout(share);
            config.keepalives_idle(Duration::from_secs(30)).tcp_user_timeout(Duration::from_secs(30));
        }
        Ok(Self { hosts, tls: tls::connector(verify)?, within, gate: Gate::default() })
    }

    /// `postgres://user@host/database`, with all hosts.
    pub(super) fn describe(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(host_and_port).collect();
        let first = self.hosts.first();
        let user = first.and_then(Config::get_user).unwrap_or_default();
        let database = first.and_then(Config::get_dbname).unwrap_or(user);
        format!("postgres://{user}@{}/{database}", hosts.join(","))
    }

    /// Opens a connection to the first host that answers in its time and takes what is asked of it. When none did,
    /// the last refusal says why; when all were silent, whoever waits for this gives up by now.
    async fn open(&self) -> Result<Opened, tokio_postgres::Error> {
        let share = hosts::share(self.within, self.hosts.len());
        let mut refusal = None;
        for config in &self.hosts {
            match tokio::time::timeout(share, config.connect(self.tls.clone())).await {
                Ok(Ok(opened)) => return Ok(opened),
                Ok(Err(error)) => refusal = Some(error),
                Err(_) => {}
            }
        }
        match refusal {
            Some(error) => Err(error),
            None => std::future::pending().await,
        }
    }

    /// One connection that the gate does not concern: for whoever finds out when to open it.
    pub(super) async fn connect_anyhow(&self) -> Result<Client, StoreError> {
        let opening = tokio::time::timeout(self.within, self.open());
        let (client, connection) = opening.await.map_err(|_| connect_timeout())??;
        tokio::spawn(connection);
        Ok(client)
    }

    /// One connection, outside the pool, for what needs a session: closed when the client is dropped.
    pub(super) async fn connect(&self) -> Result<Client, StoreError> {
        self.connect_and(|_| {}).await
    }

    /// The same; `observe` gets the server's notices and notifications.
    pub(super) async fn connect_and(
        &self,
        mut observe: impl FnMut(AsyncMessage) + Send + 'static,
    ) -> Result<Client, StoreError> {
        let cut = self.gate.next_cut();
        let (client, mut connection) = tokio::select! {
            biased;
            () = self.gate.shut() => return Err(away()),
            opened = tokio::time::timeout(self.within, self.open()) => opened.map_err(|_| connect_timeout())??,
        };
        tokio::spawn(async move {
            let mut messages =
                std::pin::pin!(stream::poll_fn(move |context| connection.poll_message(context)));
            let observed = async {
                while let Some(Ok(message)) = messages.next().await {
                    observe(message);
                }
            };
            tokio::select! {
                () = observed => {}
                () = cut => {}
            }
        });
        Ok(client)
    }

    /// A pool that opens connections when they are asked for.
    pub(super) fn pool(&self, options: &StoreOptions) -> Result<Pool, StoreError> {
        // A connection that was closed is noticed without asking the server.
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(Config::new(), Opener(self.clone()), manager);
        let inner = deadpool_postgres::Pool::builder(manager)
            .max_size(options.pool_size.max(1))
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(options.connect_timeout))
            .wait_timeout(Some(options.connect_timeout.max(options.statement_timeout)))
            .build()
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        Ok(Pool { inner, gate: self.gate.clone() })
    }
}

/// Opens the pool's connections.
struct Opener(Target);

impl Connect for Opener {
    fn connect(
        &self,
        _: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + '_>>
    {
        Box::pin(async move {
            let cut = self.0.gate.next_cut();
            let (client, connection) = self.0.open().await?;
            let carried = tokio::spawn(async move {
                tokio::select! {
                    // Its end is told to whoever waits for an answer on it.
                    _ = connection => {}
                    () = cut => {}
                }
            });
            Ok((client, carried))
        })
    }
}

fn host_and_port(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().filter(|port| *port != 5432);
    port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

/// Takes a connection from the pool, or a new one.
pub(super) async fn take(pool: &Pool) -> Result<Object, StoreError> {
    let begun = Instant::now();
    let taken = tokio::select! {
        biased;
        () = pool.gate.shut() => Err(away()),
        taken = pool.inner.get() => taken.map_err(StoreError::from),
    };
    WAITS.waited(begun.elapsed());
    taken
}

/// How busy the pool is.
pub(super) fn figures(pool: &Pool) -> PoolFigures {
    let status = pool.inner.status();
    let in_use = status.size.saturating_sub(status.available);
    WAITS.figures(status.max_size, status.size, in_use, status.waiting)
}

/// Checks out a connection and makes sure the server answers.
pub(super) async fn verify(pool: &Pool, within: Duration) -> Result<(), StoreError> {
    let check = async {
        take(pool).await?.simple_query("").await?;
        Ok(())
    };
    tokio::time::timeout(within, check).await.unwrap_or_else(|_| Err(connect_timeout()))
}

/// One statement, which is one transaction.
pub(super) async fn query(pool: &Pool, sql: &str, params: Params<'_>) -> Result<Vec<Row>, StoreError> {
    let (connection, [statement]) = prepared(pool, [sql]).await?;
    count(1);
    Ok(answered(connection.query(&statement, params).await)?)
}

/// One statement, which is one transaction; returns how many rows it changed.
pub(super) async fn execute(pool: &Pool, sql: &str, params: Params<'_>) -> Result<u64, StoreError> {
    let (connection, [statement]) = prepared(pool, [sql]).await?;
    count(1);
    Ok(answered(connection.execute(&statement, params).await)?)
}

/// A connection, and statements prepared on it. The first use on a connection prepares them; when that finds
/// the connection closed, nothing has been sent yet, and another connection is taken.
pub(super) async fn prepared<const N: usize>(
    pool: &Pool,
    sql: [&str; N],
) -> Result<(Object, [Statement; N]), StoreError> {
    let connection = take(pool).await?;
    match prepare_all(&connection, sql).await {
        Err(error) if error.is_closed() => {
            drop(connection);
            let connection = take(pool).await?;
            let statements = prepare_all(&connection, sql).await?;
            Ok((connection, statements))
        }
        statements => Ok((connection, statements?)),
    }
}

async fn prepare_all<const N: usize>(
    connection: &Object,
    sql: [&str; N],
) -> Result<[Statement; N], tokio_postgres::Error> {
    try_join_all(sql.map(|sql| connection.prepare_cached(sql))).await.map(|statements| {
        // As many statements as texts.
        std::array::from_fn(|at| statements[at].clone())
    })
}

/// Takes note of statements that are sent.
pub(super) fn count(statements: u64) {
    STATEMENTS.fetch_add(statements, Ordering::Relaxed);
}

/// Statements that this process has sent.
pub(super) fn statements() -> u64 {
    STATEMENTS.load(Ordering::Relaxed)
}

/// Takes note of an answer, if it is one.
fn answered<T>(outcome: Result<T, tokio_postgres::Error>) -> Result<T, tokio_postgres::Error> {
    if outcome.is_ok() {
        ANSWERS.fetch_add(1, Ordering::Relaxed);
    }
    outcome
}

/// Answers that this process has had.
pub(super) fn answers() -> u64 {
    ANSWERS.load(Ordering::Relaxed)
}

/// Begins a transaction.
pub(super) async fn begin(connection: &mut Object) -> Result<Transaction<'_>, StoreError> {
    count(1);
    Ok(connection.transaction().await?)
}

/// Commits a transaction.
pub(super) async fn commit(transaction: Transaction<'_>) -> Result<(), StoreError> {
    count(1);
    Ok(answered(transaction.commit().await)?)
}

/// A statement inside a transaction.
pub(super) async fn query_in(
    transaction: &Transaction<'_>,
    sql: &str,
    params: Params<'_>,
) -> Result<Vec<Row>, StoreError> {
    let statement = transaction.prepare_cached(sql).await?;
    count(1);
    Ok(answered(transaction.query(&statement, params).await)?)
}

/// A statement that reads much, bounded by a time limit of its own, which the server keeps. Preparing it is bounded too: it waits
/// for whoever locks the table.
pub(super) async fn read(
    pool: &Pool,
    limit: Duration,
    sql: &str,
    params: Params<'_>,
) -> Result<Vec<Row>, StoreError> {
    let mut connection = take(pool).await?;
    let transaction = connection.build_transaction().read_only(true).start().await?;
    // BEGIN and SET.
    count(2);
    let limit = format!("SET LOCAL statement_timeout = {}", limit.as_millis().max(1));
    transaction.batch_execute(&limit).await?;
    let rows = query_in(&transaction, sql, params).await?;
    commit(transaction).await?;
    Ok(rows)
}

/// One statement that reads much, without a transaction around it: for what is asked every few seconds. The time
/// limit is kept here. A connection whose statement exceeds it is given up, since whoever got it next would have to
/// wait too, and the server is asked to stop.
pub(super) async fn read_once(
    pool: &Pool,
    target: &Target,
    limit: Duration,
    sql: &str,
) -> Result<Vec<Row>, StoreError> {
    let connection = take(pool).await?;
    let cancel = connection.cancel_token();
    let asked = async {
        let statement = connection.prepare_cached(sql).await?;
        count(1);
        connection.query(&statement, &[]).await
    };
    if let Ok(rows) = tokio::time::timeout(limit, asked).await {
        return Ok(answered(rows)?);
    }
    drop(Object::take(connection));
    let tls = target.tls.clone();
    // Nobody waits for it: without it the server gives up after the session's own limit.
    tokio::spawn(async move { cancel.cancel_query(tls).await });
    Err(StoreError::Timeout)
}

/// Runs a transaction again when it was the victim of a conflict: deadlocks are avoided by locking in the
/// order of ids and keys, but an operator's own SQL may not know that.
pub(super) async fn retried<T, F>(mut transaction: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    for _ in 1..TRIES {
        match transaction().await {
            Err(error) if is_conflict(&error) => {}
            done => return done,
        }
    }
    transaction().await
}

/// Takes `sslmode=verify-full` and `verify-ca`, which tokio-postgres does not know, out of the URL.
fn split_verify(url: &str) -> (String, bool) {
    let Some((base, parameters)) = url.split_once('?') else { return (url.to_owned(), false) };
    let verifies = |parameter: &&str| matches!(*parameter, "sslmode=verify-full" | "sslmode=verify-ca");
    let verify = parameters.split('&').any(|parameter| verifies(&parameter));
    let rest: Vec<&str> = parameters.split('&').filter(|parameter| !verifies(parameter)).collect();
    (format!("{base}?{}", rest.join("&")), verify)
}

/// What is wrong with a URL, without the URL.
fn reason(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::parse(url, &StoreOptions::default()).expect(url)
    }

    #[test]
    fn a_description_holds_no_password() {
        let described = target("postgres://u:secret@db.example:6432/tasks?sslmode=verify-full").describe();
        assert_eq!(described, "postgres://u@db.example:6432/tasks");
        assert_eq!(target("postgres://u:secret@a,b:6432/tasks").describe(), "postgres://u@a,b:6432/tasks");
    }

    #[test]
    fn sslmode_is_understood() {
        let mode = |url: &str| target(url).hosts[0].get_ssl_mode();
        assert_eq!(mode("postgres://u@h/d"), SslMode::Prefer);
        assert_eq!(mode("postgres://u@h/d?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://u@h/d?sslmode=verify-full&application_name=x"), SslMode::Require);
        assert!(split_verify("postgres://u@h/d?sslmode=verify-ca").1);
    }

    #[test]
    fn options_of_the_url_come_after_ours() {
        let target = target("postgres://u@h/d?options=-c%20statement_timeout%3D1s");
        assert!(
            target.hosts[0].get_options().is_some_and(|options| options.ends_with("-c statement_timeout=1s"))
        );
    }

    #[test]
    fn a_malformed_url_is_refused_without_repeating_it() {
        let error = Target::parse("postgres://u:secret@h:port/d", &StoreOptions::default()).err();
        let text = format!("{:?}", error.expect("refused"));
        assert!(text.contains("InvalidUrl") && !text.contains("secret"), "{text}");
    }
}
