//! Packed entries: one entry in the form in which it is written.

use cache_core::{CacheKey, Entry, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use crate::names::{Name, Names, body_identity, head_identity};
use crate::table::instant;
use crate::{packing, row};

/// An entry packed and sealed, all but its body, which may be there already.
#[derive(Debug)]
pub(crate) struct Packed {
    name: Name,
    question: Name,
    status: u16,
    received_at: Timestamp,
    head: Vec<u8>,
    body_name: Name,
    /// Names of the tags and of the audience. Sorted, each once.
    tags: Vec<i64>,
}

impl Packed {
    /// Returns `entry` packed and sealed, or `None` when it exceeds a limit of the format.
    pub(crate) fn new(names: &Names, key: &CacheKey, entry: &Entry) -> Option<Self> {
        let name = names.entry(key);
        let head = packing::pack(&row::encode(key.audience(), entry)?)?;
        let mut tags: Vec<i64> = entry.tags.iter().map(|tag| names.tag(*tag)).collect();
        tags.push(names.audience(key.audience()));
        tags.sort_unstable();
        tags.dedup();
        Some(Self {
            name,
            question: names.question(key.question()),
            status: entry.status.as_u16(),
            received_at: entry.received_at,
            head: names.0.seal(&head_identity(&name), &head),
            body_name: names.body(key.audience(), entry.body_id()),
            tags,
        })
    }

    /// Returns the bytes that the entry takes beside its body, roughly.
    pub(crate) fn size_bytes(&self) -> u64 {
        u64::try_from(self.head.len() + 160 + self.tags.len() * 32).unwrap_or(u64::MAX)
    }

    /// Returns the row of the body, if its audience has that body already.
    pub(crate) fn stored_body(&self, connection: &Connection) -> rusqlite::Result<Option<i64>> {
        let mut statement = connection.prepare_cached("SELECT id FROM bodies WHERE name = ?1")?;
        statement
            .query_row([self.body_name.as_slice()], |row| row.get(0))
            .optional()
    }

    /// Returns `body` packed and sealed, or `None` when it is too long.
    pub(crate) fn seal_body(&self, names: &Names, body: &[u8]) -> Option<Vec<u8>> {
        Some(
            names
                .0
                .seal(&body_identity(&self.body_name), &packing::pack(body)?),
        )
    }

    /// Writes a body and returns its row.
    pub(crate) fn insert_body(
        &self,
        connection: &Connection,
        sealed: &[u8],
    ) -> rusqlite::Result<i64> {
        let mut statement =
            connection.prepare_cached("INSERT INTO bodies (name, sealed) VALUES (?1, ?2)")?;
        statement.insert((self.body_name.as_slice(), sealed))
    }

    /// Tells whether there is an entry of this name.
    pub(crate) fn is_stored(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let mut statement = connection.prepare_cached("SELECT 1 FROM entries WHERE name = ?1")?;
        statement.exists([self.name.as_slice()])
    }

    /// Writes the entry around the body in row `body`, in the place of an entry of the same name.
    pub(crate) fn write(
        &self,
        connection: &Connection,
        body: i64,
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(
            "INSERT INTO entries (name, question, body, status, received_at, last_used, head)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (name) DO UPDATE SET body = ?3, status = ?4, received_at = ?5, last_used = ?6, head = ?7
             RETURNING id",
        )?;
        let values = (
            self.name.as_slice(),
            self.question.as_slice(),
            body,
            self.status,
            instant(self.received_at),
            instant(now),
            self.head.as_slice(),
        );
        let entry: i64 = statement.query_row(values, |row| row.get(0))?;
        // Most writes freshen an entry and leave its tags as they are.
        let mut stored =
            connection.prepare_cached("SELECT tag FROM tags WHERE entry = ?1 ORDER BY tag")?;
        let stored: Vec<i64> = stored
            .query_map([entry], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        if stored == self.tags {
            return Ok(());
        }
        connection
            .prepare_cached("DELETE FROM tags WHERE entry = ?1")?
            .execute([entry])?;
        let mut insert =
            connection.prepare_cached("INSERT INTO tags (tag, entry) VALUES (?1, ?2)")?;
        for tag in &self.tags {
            insert.execute([*tag, entry])?;
        }
        Ok(())
    }
}
