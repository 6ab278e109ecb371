//! Room: writing entries so that the limits hold.

use cache_core::{CacheKey, Entry, Timestamp};
use rusqlite::Connection;

use crate::StoreConfig;
use crate::names::Names;
use crate::packed::Packed;
use crate::table;

/// One entry may take this part of the allowance at most: more would evict too much for one.
const MAX_SHARE: u64 = 8;

/// A try to make room evicts this part of all entries, or one.
const EVICTED_SHARE: u64 = 64;

/// What is written between two looks at the size of the file, as a part of the allowance.
const ESTIMATED_SHARE: u64 = 64;

/// The state of one transaction: what is there, and what was evicted for it.
pub(crate) struct Room<'a> {
    connection: &'a Connection,
    now: Timestamp,
    max_entries: u64,
    max_bytes: u64,
    n_entries: u64,
    /// Pages in use at the last look, and what was written since.
    used_bytes: u64,
    written_bytes: u64,
    n_evicted: u64,
    n_refused: u64,
}

impl<'a> Room<'a> {
    /// Looks at what is there, and evicts what is beyond the limits already.
    pub(crate) fn new(
        connection: &'a Connection,
        config: &StoreConfig,
        now: Timestamp,
    ) -> rusqlite::Result<Self> {
        let mut room = Self {
            connection,
            now,
            max_entries: config.max_entries.max(1),
            max_bytes: config.file_bytes(),
            n_entries: table::n_entries(connection)?,
            used_bytes: table::used_bytes(connection)?,
            written_bytes: 0,
            n_evicted: 0,
            n_refused: 0,
        };
        let surplus = room.n_entries.saturating_sub(room.max_entries);
        if surplus > 0 {
            room.evict(surplus)?;
        }
        room.make_room(0)?;
        Ok(room)
    }

    /// Writes an entry, evicting others for it. One that is too long is refused, and its predecessor removed.
    pub(crate) fn put(
        &mut self,
        names: &Names,
        key: &CacheKey,
        entry: &Entry,
    ) -> rusqlite::Result<()> {
        let Some(packed) = Packed::new(names, key, entry) else {
            return self.refuse(names, key);
        };
        let mut size_bytes = packed.size_bytes();
        let mut sealed = None;
        if packed.stored_body(self.connection)?.is_none() {
            let Some(body) = packed.seal_body(names, entry.body()) else {
                return self.refuse(names, key);
            };
            size_bytes += u64::try_from(body.len()).unwrap_or(u64::MAX);
            sealed = Some(body);
        }
        if size_bytes > self.max_bytes / MAX_SHARE {
            return self.refuse(names, key);
        }
        self.make_room(size_bytes)?;
        if !packed.is_stored(self.connection)? {
            if self.n_entries >= self.max_entries {
                self.evict(self.n_entries + 1 - self.max_entries)?;
            }
            self.n_entries += 1;
        }
        // Asked again: the body may have gone with the last entry of it that was evicted.
        let body = match (packed.stored_body(self.connection)?, sealed) {
            (Some(body), _) => body,
            (None, Some(sealed)) => packed.insert_body(self.connection, &sealed)?,
            (None, None) => match packed.seal_body(names, entry.body()) {
                Some(sealed) => packed.insert_body(self.connection, &sealed)?,
                None => return self.refuse(names, key),
            },
        };
        packed.write(self.connection, body, self.now)?;
        self.written_bytes += size_bytes;
        Ok(())
    }

    /// Says that this many entries were removed by others.
    pub(crate) fn removed(&mut self, n: u64) {
        self.n_entries = self.n_entries.saturating_sub(n);
    }

    /// Returns how many entries were evicted and refused.
    pub(crate) fn finish(self) -> (u64, u64) {
        (self.n_evicted, self.n_refused)
    }

    fn refuse(&mut self, names: &Names, key: &CacheKey) -> rusqlite::Result<()> {
        self.n_refused += 1;
        let n = table::remove(self.connection, names, key)?;
        self.removed(n);
        Ok(())
    }

    fn make_room(&mut self, size_bytes: u64) -> rusqlite::Result<()> {
        if self.written_bytes > self.max_bytes / ESTIMATED_SHARE {
            self.look()?;
        }
        while self.used_bytes + self.written_bytes + size_bytes > self.max_bytes {
            // The estimate may be too high.
            self.look()?;
            if self.used_bytes + size_bytes <= self.max_bytes {
                break;
            }
            if self.evict((self.n_entries / EVICTED_SHARE).max(1))? == 0 {
                break;
            }
            self.look()?;
        }
        Ok(())
    }

    fn evict(&mut self, n: u64) -> rusqlite::Result<u64> {
        let n = table::evict(self.connection, n)?;
        self.n_evicted += n;
        self.removed(n);
        Ok(n)
    }

    fn look(&mut self) -> rusqlite::Result<()> {
        self.used_bytes = table::used_bytes(self.connection)?;
        self.written_bytes = 0;
        Ok(())
    }
}
