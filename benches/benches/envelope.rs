//! Sealing an entry for peers and opening theirs.

use std::hint::black_box;
use std::sync::Arc;

use benches::{credential, entry, question};
use cache_core::Timestamp;
use cache_core::port::{Readers, Sealer};
use cache_crypto::{FleetKeys, FleetSealer, Identity};
use criterion::{Criterion, criterion_group, criterion_main};

fn envelope(criterion: &mut Criterion) {
    let now = Timestamp::from_millis(1_700_000_000_000);
    let keys = FleetKeys::from_secret("a secret of the fleet for benchmarks alone")
        .expect("it is long enough");
    let sealer = FleetSealer::new(Arc::new(keys), Identity::from_seed(&[7; 32]), now);
    let (question, credential, entry) = (question(1), credential(), entry(1, now));
    let mut group = criterion.benchmark_group("envelope");
    group.bench_function("seal/5KB", |bencher| {
        bencher
            .iter(|| black_box(sealer.seal(&question, &credential, &entry, Readers::Credential)));
    });
    let sealed = sealer
        .seal(&question, &credential, &entry, Readers::Credential)
        .expect("it may leave");
    group.bench_function("open/5KB", |bencher| {
        bencher.iter(|| black_box(sealer.open(&sealed.envelope, &question, &credential, now)));
    });
    group.finish();
}

criterion_group!(suites, envelope);
criterion_main!(suites);
