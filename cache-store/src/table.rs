//! The statements: each function one thing done to the tables.
//!
//! Triggers (`database/schema-1.sql`) keep tags and bodies in step with entries.

use cache_core::{Audience, CacheKey, Entry, QuestionDigest, Tag, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::names::{Name, Names, body_identity, head_identity};
use crate::{packing, row};

const LOOKUP: &str = "SELECT e.id, e.name, e.head, e.last_used, b.id, b.name, b.sealed
    FROM entries e LEFT JOIN bodies b ON b.id = e.body WHERE e.name = ?1";
const NEWEST: &str = "SELECT e.id, e.name, e.head, e.last_used, b.id, b.name, b.sealed
    FROM entries e LEFT JOIN bodies b ON b.id = e.body
    WHERE e.question = ?1 AND e.status = 200 ORDER BY e.received_at DESC";

/// Damaged rows passed over before the search for the newest entry is given up.
const MAX_DAMAGED_CANDIDATES: usize = 4;

/// What reading one row gave.
#[derive(Debug)]
pub(crate) enum Read {
    Absent,
    Found(Box<Found>),
    Damaged(Vec<DamagedRow>),
}

/// An entry read from disk.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) key: CacheKey,
    pub(crate) entry: Entry,
    pub(crate) name: Name,
    pub(crate) last_used: Timestamp,
    /// Rows passed over on the way.
    pub(crate) damaged: Vec<DamagedRow>,
}

/// A row that did not open, to be dropped.
#[derive(Debug)]
pub(crate) struct DamagedRow {
    entry: i64,
    /// The head as it was read: a row written anew meanwhile is another one.
    head: Vec<u8>,
    body: Option<i64>,
}

/// Returns the entry of `key`.
pub(crate) fn lookup(
    connection: &Connection,
    names: &Names,
    key: &CacheKey,
) -> rusqlite::Result<Read> {
    first_sound(
        connection,
        LOOKUP,
        &names.entry(key),
        key.question(),
        names,
        |_| true,
    )
}

/// Returns the newest 200 for `question`, leaving out the entries whose key `is_superseded`.
pub(crate) fn newest_for(
    connection: &Connection,
    names: &Names,
    question: QuestionDigest,
    is_superseded: impl Fn(&CacheKey) -> bool,
) -> rusqlite::Result<Read> {
    first_sound(
        connection,
        NEWEST,
        &names.question(question),
        question,
        names,
        |key| !is_superseded(key),
    )
}

fn first_sound(
    connection: &Connection,
    sql: &str,
    name: &Name,
    question: QuestionDigest,
    names: &Names,
    is_wanted: impl Fn(&CacheKey) -> bool,
) -> rusqlite::Result<Read> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([name.as_slice()])?;
    let mut damaged = Vec::new();
    while let Some(row) = rows.next()? {
        match open_row(row, name, question, names) {
            Some((key, entry, name, last_used)) if is_wanted(&key) => {
                return Ok(Read::Found(Box::new(Found {
                    key,
                    entry,
                    name,
                    last_used,
                    damaged,
                })));
            }
            Some(_) => {}
            None => {
                let entry = row.get(0)?;
                damaged.push(DamagedRow {
                    entry,
                    head: row.get(2).unwrap_or_default(),
                    body: row.get(4).ok(),
                });
                if damaged.len() == MAX_DAMAGED_CANDIDATES {
                    break;
                }
            }
        }
    }
    Ok(if damaged.is_empty() {
        Read::Absent
    } else {
        Read::Damaged(damaged)
    })
}

fn open_row(
    row: &Row<'_>,
    searched: &Name,
    question: QuestionDigest,
    names: &Names,
) -> Option<(CacheKey, Entry, Name, Timestamp)> {
    let blob = |idx| row.get_ref(idx).ok()?.as_blob().ok();
    let name: Name = blob(1)?.try_into().ok()?;
    let head = names.0.open(&head_identity(&name), blob(2)?)?;
    let head = row::decode(&packing::unpack(&head)?)?;
    let key = CacheKey::from_parts(question, head.audience);
    // Found by the question's name, the row may be another question's: only its own name is what the head is sealed for.
    if name != *searched && names.entry(&key) != name {
        return None;
    }
    let last_used = Timestamp::from_millis(u64::try_from(row.get::<_, i64>(3).ok()?).ok()?);
    let body_name: Name = blob(5)?.try_into().ok()?;
    let body = names.0.open(&body_identity(&body_name), blob(6)?)?;
    let entry = head.into_entry(packing::unpack(&body)?)?;
    Some((key, entry, name, last_used))
}

/// Removes the entry of `key`, and returns how many there were.
pub(crate) fn remove(
    connection: &Connection,
    names: &Names,
    key: &CacheKey,
) -> rusqlite::Result<u64> {
    let name = names.entry(key);
    deleted(
        connection
            .prepare_cached("DELETE FROM entries WHERE name = ?1")?
            .execute([name.as_slice()]),
    )
}

/// Removes the entries that carry `tag`, and returns how many there were.
pub(crate) fn remove_tagged(
    connection: &Connection,
    names: &Names,
    tag: Tag,
) -> rusqlite::Result<u64> {
    remove_named(connection, names.tag(tag))
}

/// Removes the entries of `audience`, and returns how many there were.
pub(crate) fn remove_audience(
    connection: &Connection,
    names: &Names,
    audience: Audience,
) -> rusqlite::Result<u64> {
    remove_named(connection, names.audience(audience))
}

fn remove_named(connection: &Connection, name: i64) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM entries WHERE id IN (SELECT entry FROM tags WHERE tag = ?1)";
    deleted(connection.prepare_cached(sql)?.execute([name]))
}

/// Removes a row that did not open, unless it was written anew meanwhile, and its body.
pub(crate) fn remove_damaged(
    connection: &Connection,
    damaged: &DamagedRow,
) -> rusqlite::Result<u64> {
    if let Some(body) = damaged.body {
        connection
            .prepare_cached("DELETE FROM bodies WHERE id = ?1")?
            .execute([body])?;
    }
    let mut statement =
        connection.prepare_cached("DELETE FROM entries WHERE id = ?1 AND head = ?2")?;
    deleted(statement.execute((damaged.entry, damaged.head.as_slice())))
}

/// Removes the `n` least recently used entries, and returns how many there were.
pub(crate) fn evict(connection: &Connection, n: u64) -> rusqlite::Result<u64> {
    let sql =
        "DELETE FROM entries WHERE id IN (SELECT id FROM entries ORDER BY last_used, id LIMIT ?1)";
    deleted(
        connection
            .prepare_cached(sql)?
            .execute([i64::try_from(n).unwrap_or(i64::MAX)]),
    )
}

/// Removes the entries received before `oldest`, and returns how many there were.
pub(crate) fn sweep(connection: &Connection, oldest: Timestamp) -> rusqlite::Result<u64> {
    deleted(
        connection
            .prepare_cached("DELETE FROM entries WHERE received_at < ?1")?
            .execute([instant(oldest)]),
    )
}

/// Removes everything, and returns how many entries there were.
pub(crate) fn clear(connection: &Connection) -> rusqlite::Result<u64> {
    let n = n_entries(connection)?;
    // Tags and bodies first: then the triggers find nothing to do.
    connection.execute_batch("DELETE FROM tags; DELETE FROM bodies; DELETE FROM entries;")?;
    Ok(n)
}

/// Notes when the entry of this name was used.
pub(crate) fn touch(connection: &Connection, name: &Name, at: Timestamp) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("UPDATE entries SET last_used = ?2 WHERE name = ?1")?;
    statement.execute((name.as_slice(), instant(at))).map(drop)
}

/// Returns the number of entries.
pub(crate) fn n_entries(connection: &Connection) -> rusqlite::Result<u64> {
    let n: i64 = connection
        .prepare_cached("SELECT count(*) FROM entries")?
        .query_row([], |row| row.get(0))?;
    Ok(u64::try_from(n).unwrap_or(0))
}

/// Returns the bytes of the pages in use.
pub(crate) fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |sql: &str| {
        connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get::<_, i64>(0))
    };
    let n_pages = pragma("PRAGMA page_count")?.saturating_sub(pragma("PRAGMA freelist_count")?);
    Ok(u64::try_from(n_pages.saturating_mul(pragma("PRAGMA page_size")?)).unwrap_or(0))
}

/// Gives free pages back to the file system.
pub(crate) fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut rows = statement.query([])?;
    // Each step frees one page.
    while rows.next()?.is_some() {}
    Ok(())
}

/// Brings the log into the database and both to the disk, as far as no reader is in the way.
pub(crate) fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// Checks that the tables are there.
pub(crate) fn check(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached(LOOKUP)?;
    connection.prepare_cached(NEWEST)?;
    connection.prepare("SELECT tag, entry FROM tags")?;
    n_entries(connection).map(drop)
}

/// Returns by which key the rows are sealed, if any was set.
pub(crate) fn key_check(connection: &Connection) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .query_row("SELECT key_check FROM seal", [], |row| row.get(0))
        .optional()
}

/// Notes by which key the rows are sealed.
pub(crate) fn set_key_check(connection: &Connection, key_check: &Name) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM seal", [])?;
    connection
        .execute(
            "INSERT INTO seal (key_check) VALUES (?1)",
            [key_check.as_slice()],
        )
        .map(drop)
}

fn deleted(n: rusqlite::Result<usize>) -> rusqlite::Result<u64> {
    n.map(|n| u64::try_from(n).unwrap_or(u64::MAX))
}

pub(crate) fn instant(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}
