//! Two figures of the store: a lookup beside a bare `SELECT` of the same row, and disk taken beside raw bytes.
//!
//! ```text
//! cargo run --release -p cache-store --example figures [FOLDER OF *.json]
//! ```
//!
//! With a folder its files of 2.5 to 10 kB are the bodies; without one they are made up, which compresses better than
//! anything real. The sealer is `PlainRows`: one SHA-256 over each row, which costs about what AES-256-GCM does.

#![expect(clippy::print_stdout, reason = "a program for people")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use cache_core::port::{BoxFuture, Runtime, Store};
use cache_core::{Audience, CacheKey, Entry, Question, Source, Tag, Timestamp};
use cache_store::{PlainRows, SqliteStore, StoreConfig};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use rusqlite::{Connection, OpenFlags};

type Failure = Box<dyn std::error::Error>;

/// Enough rows that the database is no toy.
const N_ROWS: usize = 1_000;
const N_ROUNDS: usize = 9;

struct Clock;

impl Runtime for Clock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        unreachable!("the store never sleeps")
    }

    fn spawn(&self, _: BoxFuture<'static, ()>) {
        unreachable!("the store has threads, no tasks")
    }
}

fn main() -> Result<(), Failure> {
    let (bodies, what) = match std::env::args_os().nth(1) {
        Some(folder) => (read(folder.into())?, "real"),
        None => ((0..N_ROWS).map(made_up).collect(), "made up"),
    };
    let dir = tempfile::tempdir()?;
    let store = SqliteStore::open(
        StoreConfig::new(dir.path()),
        Arc::new(PlainRows),
        Arc::new(Clock),
    )?;
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        let mut n_raw = 0;
        let mut keys = Vec::new();
        for n in 0..N_ROWS {
            // Another audience for each turn: the same body of two audiences shares nothing on disk.
            let body = bodies[n % bodies.len()].clone();
            n_raw += body.len();
            let key = key(n, n / bodies.len() + 1)?;
            store.insert(&key, Arc::new(entry(body, n)?)).await?;
            if n % 500 == 499 {
                store.flush().await?;
            }
            keys.push(key);
        }
        store.flush().await?;
        let n_kept = fs::metadata(dir.path().join("responses.db"))?.len();
        println!("{N_ROWS} entries from {} distinct {what} bodies, {} bytes on average", bodies.len(), n_raw / N_ROWS);
        println!("disk: {n_kept} bytes, headers and indexes included, for {n_raw} bytes of bodies");

        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let bare = Connection::open_with_flags(dir.path().join("responses.db"), flags)?;
        let names = "SELECT name FROM entries ORDER BY id";
        let names: Vec<Vec<u8>> = bare.prepare(names)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let row = "SELECT e.head, b.sealed FROM entries e JOIN bodies b ON b.id = e.body WHERE e.name = ?1";
        let mut row = bare.prepare(row)?;
        let (mut of_lookup, mut of_select) = (Vec::new(), Vec::new());
        for _ in 0..N_ROUNDS {
            let began_at = Instant::now();
            for key in &keys {
                black_box(store.lookup(key).await?.ok_or("an entry is gone")?);
            }
            of_lookup.push(began_at.elapsed());
            let began_at = Instant::now();
            for name in &names {
                black_box(row.query_row([name], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)))?);
            }
            of_select.push(began_at.elapsed());
        }
        println!("lookup:      {}", spread(of_lookup));
        println!("bare SELECT: {}", spread(of_select));
        println!("slow reads:  {} (two in a row send the next 64 to threads)", store.counters().n_slow_reads);
        Ok(())
    })
}

fn spread(mut rounds: Vec<Duration>) -> String {
    rounds.sort();
    let each = |round: Duration| round / u32::try_from(N_ROWS).unwrap_or(u32::MAX);
    let (least, median, most) = (
        rounds[0],
        rounds[rounds.len() / 2],
        rounds[rounds.len() - 1],
    );
    format!(
        "median {:?} each, {:?} to {:?} ({} rounds)",
        each(median),
        each(least),
        each(most),
        rounds.len()
    )
}

fn read(folder: PathBuf) -> Result<Vec<Bytes>, Failure> {
    let mut bodies = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let body = fs::read(path)?;
            if (2_500..10_000).contains(&body.len()) {
                bodies.push(Bytes::from(body));
            }
        }
    }
    if bodies.is_empty() {
        Err("no *.json of 2.5 to 10 kB in that folder".into())
    } else {
        Ok(bodies)
    }
}

fn made_up(n: usize) -> Bytes {
    let issue = |i: usize| {
        let id = (n * 31 + i).wrapping_mul(2_654_435_761) % 1_000_000_007;
        format!(
            "{{\"id\":{id},\"url\":\"https://api.github.com/repos/o{n}/r/issues/{i}\",\"state\":\"open\",\"title\":\"{id:x}\"}}"
        )
    };
    Bytes::from(format!(
        "[{}]",
        (0..50).map(issue).collect::<Vec<_>>().join(",")
    ))
}

fn key(n: usize, audience: usize) -> Result<CacheKey, Failure> {
    let question = Question::builder(
        Method::GET,
        "api.github.com",
        format!("/repos/o/r/issues/{n}"),
    )
    .build();
    Ok(CacheKey::new(
        &question,
        Audience::from_bytes([u8::try_from(audience)?; 16]),
    ))
}

/// Returns an entry with the headers that GitHub sends and a cache keeps.
fn entry(body: Bytes, n: usize) -> Result<Entry, Failure> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("cache-control", "private, max-age=60, s-maxage=60"),
        ("content-type", "application/json; charset=utf-8"),
        (
            "vary",
            "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With",
        ),
        ("x-github-media-type", "github.v3; format=json"),
        ("x-accepted-github-permissions", "metadata=read"),
        ("access-control-allow-origin", "*"),
        (
            "strict-transport-security",
            "max-age=31536000; includeSubdomains; preload",
        ),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let id = cache_core::BodyId::of(&body);
    let etag = id
        .as_digest()
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    headers.insert("etag", HeaderValue::from_str(&format!("W/\"{etag}\""))?);
    let at = Clock.now();
    let tags = [Tag::of("repo:o/r"), Tag::of(&format!("issue:o/r/{n}"))];
    Ok(Entry::new(StatusCode::OK, headers, body, at, at, Source::Origin).with_tags(tags.into()))
}
