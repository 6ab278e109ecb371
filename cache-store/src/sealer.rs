//! The port through which this crate seals rows and blinds names.

/// Seals rows at rest and names them, with a key that never stands beside the database.
///
/// Implemented by whoever owns ciphers. Called from the writer thread and, for reads, inline: a few microseconds of
/// pure computation, no I/O.
pub trait RowSealer: Send + Sync + 'static {
    /// Returns `plain` sealed, so that [`open`](Self::open) with the same `row_identity` gives it back.
    ///
    /// `row_identity` is authenticated and not stored: a row moved to another place does not open there.
    fn seal(&self, row_identity: &[u8], plain: &[u8]) -> Vec<u8>;

    /// Returns what was sealed for `row_identity`, or `None` when that cannot be shown: other key, other row, damage.
    fn open(&self, row_identity: &[u8], sealed: &[u8]) -> Option<Vec<u8>>;

    /// Returns a keyed hash of `what`: the name under which it stands on disk.
    ///
    /// The same for the same key in every process, and of no use to whoever lacks the key.
    fn name(&self, what: &[u8]) -> [u8; 32];
}

/// A sealer that hides nothing, for tests: rows are stored as they are behind a checksum, names are plain hashes.
#[cfg(any(test, feature = "test-support"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainRows;

#[cfg(any(test, feature = "test-support"))]
impl RowSealer for PlainRows {
    fn seal(&self, row_identity: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = checksum(row_identity, plain).to_vec();
        sealed.extend_from_slice(plain);
        sealed
    }

    fn open(&self, row_identity: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (sum, plain) = sealed.split_first_chunk::<32>()?;
        (*sum == checksum(row_identity, plain)).then(|| plain.to_vec())
    }

    fn name(&self, what: &[u8]) -> [u8; 32] {
        *cache_core::BodyId::of(what).as_digest()
    }
}

#[cfg(any(test, feature = "test-support"))]
fn checksum(row_identity: &[u8], plain: &[u8]) -> [u8; 32] {
    let mut all = row_identity.len().to_be_bytes().to_vec();
    all.extend_from_slice(row_identity);
    all.extend_from_slice(plain);
    *cache_core::BodyId::of(&all).as_digest()
}
