//! Opening the database: pragmas, migrations, and what to do with one that cannot be used.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use tracing::{info, warn};

use crate::directory::Directory;
use crate::names::Names;
use crate::set_aside::{SetAside, set_aside};
use crate::{OpenError, StoreConfig, table};

/// One step for each version: the step at index 0 leads from an empty file to version 1.
const MIGRATIONS: [&str; 1] = [include_str!("database/schema-1.sql")];

/// How long the writer waits for another process that writes.
const WRITER_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Two processes that open a new file at once meet in steps for which `SQLite` does not wait.
const N_OPEN_TRIES: u32 = 100;
const OPEN_RETRY_PAUSE: Duration = Duration::from_millis(20);

const PAGE_BYTES: u64 = 4096;

/// A database ready to be written.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) set_aside: Option<SetAside>,
}

/// Why a database cannot be used.
enum Unusable {
    KnownDamaged,
    Damaged(rusqlite::Error),
    Newer(i64),
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        if is_damage(&error) {
            Self::Damaged(error)
        } else {
            Self::Failed(error)
        }
    }
}

/// Opens the database for writing. One that is damaged or of a newer version is set aside, and a new one begun.
///
/// With `known_damaged` the database is set aside whatever it looks like: a read met damage beyond what is checked here.
pub(crate) fn open_writer(
    directory: &Directory,
    config: &StoreConfig,
    names: &Names,
    known_damaged: bool,
) -> Result<Opened, OpenError> {
    let failed = |source| OpenError::Database {
        path: directory.database(),
        source,
    };
    let tried = if known_damaged {
        Err(Unusable::KnownDamaged)
    } else {
        try_open(directory, config, names)
    };
    let why = match tried {
        Ok(connection) => {
            return Ok(Opened {
                connection,
                set_aside: None,
            });
        }
        Err(Unusable::Failed(error)) => return Err(failed(error.into())),
        Err(why) => why,
    };
    let Some(moved) = directory.alone(|| set_aside(&directory.files())) else {
        return Err(OpenError::InUse {
            path: directory.database(),
        });
    };
    let to = moved.map_err(|source| OpenError::Unwritable {
        path: directory.database(),
        source,
    })?;
    let aside = match why {
        Unusable::Newer(version) => SetAside::Newer { to, version },
        Unusable::Damaged(_) | Unusable::Failed(_) | Unusable::KnownDamaged => {
            SetAside::Damaged { to }
        }
    };
    warn!("{aside}; starting empty");
    directory.prepare_files()?;
    match try_open(directory, config, names) {
        Ok(connection) => Ok(Opened {
            connection,
            set_aside: Some(aside),
        }),
        Err(Unusable::Damaged(error) | Unusable::Failed(error)) => Err(failed(error.into())),
        Err(Unusable::Newer(_) | Unusable::KnownDamaged) => Err(OpenError::InUse {
            path: directory.database(),
        }),
    }
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(directory: &Directory) -> rusqlite::Result<Connection> {
    let connection = connect(directory)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -512;")?;
    Ok(connection)
}

/// Tells whether `error` means that the file is damaged, rather than that it cannot be used now.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Tells whether `error` means that another connection is in the way for now.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn try_open(
    directory: &Directory,
    config: &StoreConfig,
    names: &Names,
) -> Result<Connection, Unusable> {
    let mut n_tries = 0;
    loop {
        match try_open_once(directory, config, names) {
            Err(Unusable::Failed(error)) if is_busy(&error) && n_tries < N_OPEN_TRIES => {
                n_tries += 1;
                std::thread::sleep(OPEN_RETRY_PAUSE);
            }
            done => return done,
        }
    }
}

fn try_open_once(
    directory: &Directory,
    config: &StoreConfig,
    names: &Names,
) -> Result<Connection, Unusable> {
    let mut connection = connect(directory)?;
    connection.busy_timeout(WRITER_BUSY_TIMEOUT)?;
    let version = user_version(&connection)?;
    if version > released() {
        return Err(Unusable::Newer(version));
    }
    // Kept from now on by the file itself; without effect on one that has tables.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL;")?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Unusable::Failed(rusqlite::Error::InvalidQuery));
    }
    let log_bytes = config.log_bytes();
    connection.execute_batch(&format!(
        "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
         PRAGMA wal_autocheckpoint = {}; PRAGMA journal_size_limit = {};",
        log_bytes / 4 / PAGE_BYTES,
        log_bytes / 2,
    ))?;
    migrate(&mut connection)?;
    check_tables(&mut connection, names)?;
    Ok(connection)
}

fn connect(directory: &Directory) -> rusqlite::Result<Connection> {
    // No `CREATE`: the file is there, made with its mode. No `NOFOLLOW`: SQLite refuses links in the whole path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(directory.database(), flags)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn released() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("there are few versions")
}

fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the schema to the present version. Each process may find that another one was faster.
fn migrate(connection: &mut Connection) -> Result<(), Unusable> {
    if user_version(connection)? == released() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = user_version(&transaction)?;
    let Ok(done) = usize::try_from(version) else {
        return Err(Unusable::Newer(version));
    };
    for step in MIGRATIONS.iter().skip(done) {
        // What stands in the way of a step is a file that is not what its version says.
        transaction.execute_batch(step).map_err(|error| {
            if is_busy(&error) || is_lack_of_space(&error) {
                Unusable::Failed(error)
            } else {
                Unusable::Damaged(error)
            }
        })?;
    }
    transaction.execute_batch(&format!("PRAGMA user_version = {}", released()))?;
    transaction.commit()?;
    Ok(())
}

fn is_lack_of_space(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
        )
    )
}

/// Checks that the tables are there and of this sealer's key.
fn check_tables(connection: &mut Connection, names: &Names) -> Result<(), Unusable> {
    let damaged = |error: rusqlite::Error| match error.sqlite_error_code() {
        // "No such table": the version says that there is one.
        Some(ErrorCode::Unknown) | None => Unusable::Damaged(error),
        _ => error.into(),
    };
    table::check(connection).map_err(damaged)?;
    let key_check = names.key_check();
    if table::key_check(connection).map_err(damaged)?.as_deref() == Some(&key_check) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = table::key_check(&transaction).map_err(damaged)?;
    if found.as_deref() != Some(&key_check) {
        if found.is_some() {
            let n_entries = table::clear(&transaction).map_err(damaged)?;
            info!(
                n_entries,
                "the stored responses were sealed with another key and were dropped"
            );
        }
        table::set_key_check(&transaction, &key_check).map_err(damaged)?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lead_to_the_released_version() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(migrate(&mut connection).is_ok());
        assert_eq!(user_version(&connection).unwrap(), released());
        table::check(&connection).unwrap();
        assert!(
            migrate(&mut connection).is_ok(),
            "a second run finds nothing to do"
        );
    }
}
