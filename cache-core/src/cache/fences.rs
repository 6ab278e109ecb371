//! Fences: instants of recent invalidations, so that a slow answer cannot bring back what a write has spoiled.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::{Audience, CacheKey, Entry, Source, Tag, Timestamp};

/// Fences are kept this long: no upstream request takes longer.
const LASTING: Duration = Duration::from_secs(120);

/// How far the clock of the peer that asked for an entry may be ahead of the one here.
const PEER_SKEW: Duration = Duration::from_secs(2);

/// At most this many fences of one kind; beyond it they are joined into one around everything.
const MAX_FENCES: usize = 16_384;

/// What was invalidated lately. An entry whose request left before one of its fences went up is not kept.
#[derive(Debug, Default)]
pub(super) struct Fences {
    everything: Option<Timestamp>,
    tags: HashMap<Tag, Timestamp>,
    audiences: HashMap<Audience, Timestamp>,
}

impl Fences {
    /// Refuses from now on what carries one of `tags` and was asked for up to `now`.
    pub(super) fn raise_tags(&mut self, tags: &[Tag], now: Timestamp) {
        if !has_room(&mut self.tags, tags.len(), now) {
            self.raise_everything(now);
        }
        self.tags.extend(tags.iter().map(|tag| (*tag, now)));
    }

    /// Refuses from now on what `audience` asked for up to `now`.
    pub(super) fn raise_audience(&mut self, audience: Audience, now: Timestamp) {
        if !has_room(&mut self.audiences, 1, now) {
            self.raise_everything(now);
        }
        self.audiences.insert(audience, now);
    }

    /// Refuses from now on whatever was asked for up to `now`.
    pub(super) fn raise_everything(&mut self, now: Timestamp) {
        self.everything = Some(now);
    }

    /// Tells whether `entry` may be kept under `key`.
    pub(super) fn admit(&mut self, key: &CacheKey, entry: &Entry, now: Timestamp) -> bool {
        let blocks = |fence: &mut Timestamp| {
            // The clock stepped back: what is asked for from here on is newer than the fence, whatever the clock said.
            *fence = (*fence).min(now);
            if now.saturating_since(*fence) >= LASTING {
                return false;
            }
            match entry.source {
                Source::Peer => entry.requested_at <= fence.saturating_add(PEER_SKEW),
                // Asked for before the clock stepped back: on which side of the fence nobody can tell.
                Source::Origin => entry.requested_at <= *fence || entry.requested_at > now,
            }
        };
        let is_blocked = self.everything.as_mut().is_some_and(blocks)
            || self.audiences.get_mut(&key.audience()).is_some_and(blocks)
            || entry
                .tags
                .iter()
                .any(|tag| self.tags.get_mut(tag).is_some_and(blocks));
        !is_blocked
    }

    /// Returns the earliest instant at which a peer's request for something with `tags` must have left to be of use.
    pub(super) fn peers_since(&self, tags: &[Tag]) -> Timestamp {
        tags.iter()
            .filter_map(|tag| self.tags.get(tag))
            .chain(self.everything.as_ref())
            .max()
            .map_or(Timestamp::EPOCH, |fence| {
                fence.saturating_add(PEER_SKEW + Duration::from_millis(1))
            })
    }
}

/// Makes room for `n_more` fences. `false`: there is none, and all were dropped.
fn has_room<K: Eq + Hash>(
    fences: &mut HashMap<K, Timestamp>,
    n_more: usize,
    now: Timestamp,
) -> bool {
    if fences.len() + n_more <= MAX_FENCES {
        return true;
    }
    fences.retain(|_, fence| now.saturating_since(*fence) < LASTING);
    let has_room = fences.len() + n_more <= MAX_FENCES;
    if !has_room {
        fences.clear();
    }
    has_room
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::QuestionDigest;

    const fn at(s: u64) -> Timestamp {
        Timestamp::from_millis(s * 1000)
    }

    fn entry(requested_at: Timestamp, source: Source, tag: &str) -> Entry {
        Entry::new(
            StatusCode::OK,
            HeaderMap::new(),
            Bytes::new(),
            requested_at,
            requested_at,
            source,
        )
        .with_tags([Tag::of(tag)].into())
    }

    #[track_caller]
    fn check(fences: &mut Fences, requested_s: u64, source: Source, now_s: u64, admitted: bool) {
        let key = CacheKey::from_parts(QuestionDigest::from_bytes([1; 32]), Audience::ANONYMOUS);
        let entry = entry(at(requested_s), source, "a");
        assert_eq!(
            fences.admit(&key, &entry, at(now_s)),
            admitted,
            "asked for at {requested_s} s, {source:?}, at {now_s} s"
        );
    }

    #[test]
    fn what_was_asked_for_before_the_fence_is_refused_and_what_came_after_is_not() {
        let mut fences = Fences::default();
        fences.raise_tags(&[Tag::of("b")], at(100));
        check(&mut fences, 90, Source::Origin, 100, true);
        fences.raise_tags(&[Tag::of("a")], at(100));
        check(&mut fences, 90, Source::Origin, 101, false);
        check(&mut fences, 100, Source::Origin, 101, false);
        check(&mut fences, 101, Source::Origin, 101, true);
        check(&mut fences, 102, Source::Peer, 103, false);
        check(&mut fences, 103, Source::Peer, 103, true);
        check(&mut fences, 90, Source::Origin, 220, true);
        assert_eq!(
            fences.peers_since(&[Tag::of("a")]),
            Timestamp::from_millis(102_001)
        );
    }

    #[test]
    fn a_clock_that_steps_back_refuses_what_is_in_doubt_and_nothing_after() {
        let mut fences = Fences::default();
        fences.raise_tags(&[Tag::of("a")], at(1000));
        check(&mut fences, 999, Source::Origin, 500, false);
        check(&mut fences, 501, Source::Origin, 501, true);
    }

    #[test]
    fn too_many_fences_become_one_around_everything() {
        let mut fences = Fences::default();
        for n in 0..=MAX_FENCES {
            fences.raise_tags(&[Tag::of(&n.to_string())], at(100));
        }
        assert!(fences.tags.len() <= MAX_FENCES);
        check(&mut fences, 100, Source::Origin, 101, false);
        check(&mut fences, 101, Source::Origin, 101, true);
    }

    #[test]
    fn an_audience_and_everything_can_be_fenced_too() {
        let mut fences = Fences::default();
        fences.raise_audience(Audience::ANONYMOUS, at(100));
        check(&mut fences, 100, Source::Origin, 101, false);
        let mut fences = Fences::default();
        fences.raise_everything(at(100));
        check(&mut fences, 100, Source::Origin, 101, false);
        check(&mut fences, 101, Source::Origin, 101, true);
    }
}
