//! A hit in memory, from question to body, beside a bare `get` of moka with the same number of entries.

use std::hint::black_box;
use std::sync::Arc;

use benches::{BODY_BYTES, BodyOrigin, body, cache, query, question};
use cache_core::port::Origin;
use cache_core::{Answer, CacheKey};
use criterion::{Criterion, criterion_group, criterion_main};

/// Entries that the hits are spread over.
const ENTRIES: u64 = 1_000;

fn memory_hit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memory_hit");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let cache = cache();
    let origin: Arc<dyn Origin> = Arc::new(BodyOrigin);
    let questions: Vec<_> = (0..ENTRIES).map(|n| Arc::new(question(n))).collect();
    runtime.block_on(async {
        for question in &questions {
            cache
                .answer(query(Arc::clone(question)), &origin)
                .await
                .expect("the origin answers");
        }
    });
    let mut n = 0;
    let mut next = move || {
        n = (n + 7) % questions.len();
        Arc::clone(&questions[n])
    };
    group.bench_function("answer/5KB", |bencher| {
        bencher.to_async(&runtime).iter(|| {
            let query = query(next());
            let (cache, origin) = (&cache, &origin);
            async move {
                match cache.answer(query, origin).await {
                    Ok(Answer::Stored(answer)) => black_box(answer.entry.body().len()),
                    other => panic!("not a hit: {other:?}"),
                }
            }
        });
    });

    let moka = moka::sync::Cache::new(20_000);
    let audience = cache_core::Audience::ANONYMOUS;
    let keys: Vec<_> = (0..ENTRIES)
        .map(|n| CacheKey::new(&question(n), audience))
        .collect();
    for (n, key) in keys.iter().enumerate() {
        moka.insert(*key, body(n as u64, BODY_BYTES));
    }
    let mut n = 0;
    group.bench_function("moka_get/5KB", |bencher| {
        bencher.iter(|| {
            n = (n + 7) % keys.len();
            black_box(moka.get(&keys[n]).expect("it was inserted").len())
        });
    });
    group.finish();
}

criterion_group!(suites, memory_hit);
criterion_main!(suites);
