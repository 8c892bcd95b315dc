//! Databases of a server, beside the one a URL names.

use tokio_postgres::error::SqlState;

use super::connection::Target;
use super::facts::patient;
use crate::{StoreError, StoreOptions};

/// Makes an empty database on the server of `url`. Answers whether it was made: one of that name may be there.
///
/// # Errors
/// As [`super::PostgresStore::connect`]; [`StoreError::Rejected`] when the role may not make databases.
pub async fn create_database(url: &str, name: &str) -> Result<bool, StoreError> {
    let client = patient(url).await?;
    let sql = format!("CREATE DATABASE {} TEMPLATE template0", quoted(name));
    match client.batch_execute(&sql).await {
        Err(error) if error.code() == Some(&SqlState::DUPLICATE_DATABASE) => Ok(false),
        made => made.map(|()| true).map_err(StoreError::from),
    }
}

/// Drops a database that [`create_database`] made, if nobody uses it.
///
/// # Errors
/// As [`super::PostgresStore::connect`].
pub async fn drop_database(url: &str, name: &str) -> Result<(), StoreError> {
    let client = patient(url).await?;
    Ok(client.batch_execute(&format!("DROP DATABASE IF EXISTS {}", quoted(name))).await?)
}

/// Whether the server of `url` has a database of this name.
///
/// # Errors
/// As [`super::PostgresStore::connect`].
pub async fn has_database(url: &str, name: &str) -> Result<bool, StoreError> {
    let client = Target::parse(url, &StoreOptions::default())?.connect().await?;
    let sql = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    Ok(client.query_one(sql, &[&name]).await?.try_get(0)?)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
