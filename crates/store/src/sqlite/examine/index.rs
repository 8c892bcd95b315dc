//! Which indexes a table has, and what is in them.

use rusqlite::Connection;

use super::quoted;
use crate::StoreError;

/// An index of plain columns, in ascending order.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) unique: bool,
    /// Its columns, as SQL has them. The rowid comes after them.
    pub(super) columns: Vec<String>,
    /// Which rows are in it, in SQL; `None` for all.
    pub(super) condition: Option<String>,
}

/// The indexes of a table. `None` when it is WITHOUT ROWID, or one of them is of a kind whose entries and order are not just
/// the bytes of its columns: expressions, floating-point numbers, collations, descending order.
pub(super) fn of(connection: &Connection, table: &str) -> Result<Option<Vec<Index>>, StoreError> {
    let is_plain = "SELECT wr = 0 AND strict FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
    if !connection.query_row(is_plain, [table], |row| row.get::<_, bool>(0))? {
        return Ok(None);
    }
    let mut listed = connection.prepare("SELECT name, \"unique\", partial FROM pragma_index_list(?1)")?;
    let listed = listed.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut indexes = Vec::new();
    for index in listed {
        let (name, unique, partial): (String, bool, bool) = index?;
        let condition = if partial { condition(connection, &name)? } else { None };
        match columns(connection, table, &name)? {
            Some(columns) if partial == condition.is_some() => {
                indexes.push(Index { name, unique, columns, condition });
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(indexes))
}

/// The columns of an index; `None` when one of them is not plain.
fn columns(connection: &Connection, table: &str, index: &str) -> Result<Option<Vec<String>>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT i.name, i.cid >= 0 AND i.\"desc\" = 0 AND i.coll = 'BINARY'
             AND c.type IN ('INTEGER', 'INT', 'TEXT', 'BLOB')
         FROM pragma_index_xinfo(?1) i LEFT JOIN pragma_table_info(?2) c ON c.cid = i.cid
         WHERE i.key ORDER BY i.seqno",
    )?;
    let columns = statement.query_map([index, table], |row| {
        let (name, plain): (Option<String>, Option<bool>) = (row.get(0)?, row.get(1)?);
        Ok(name.filter(|_| plain == Some(true)).map(|name| quoted(&name)))
    })?;
    Ok(columns.collect::<Result<Option<Vec<_>>, _>>()?)
}

/// The condition of a partial index: what follows the list of its columns, which are plain.
fn condition(connection: &Connection, index: &str) -> Result<Option<String>, StoreError> {
    let sql: Option<String> =
        connection.query_row("SELECT sql FROM sqlite_schema WHERE name = ?1", [index], |row| row.get(0))?;
    Ok(sql.as_deref().and_then(|sql| {
        let (_, after) = sql.split_once(')')?;
        let after = after.trim_start();
        let (keyword, condition) = after.split_at_checked("WHERE ".len())?;
        keyword.trim_end().eq_ignore_ascii_case("WHERE").then(|| condition.to_owned())
    }))
}
