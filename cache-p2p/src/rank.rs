//! Who owns a question: rendezvous hashing (highest random weight).
//!
//! Every member ranks all members for a wire key by SHA-256 over the key and the member's name; the highest is the
//! owner. Pure, so members with the same view of the membership agree without a word.
//!
//! **Invariant:** when a member comes or goes, only the keys that it owns move.

use cache_core::port::WireKey;
use sha2::{Digest, Sha256};

use crate::PeerId;

/// Returns the member of `members` that owns `key`, or `None` when there are none.
pub(crate) fn owner(key: &WireKey, members: impl IntoIterator<Item = PeerId>) -> Option<PeerId> {
    members
        .into_iter()
        .max_by_key(|member| (weight(key, member), *member))
}

/// Returns the weight of `member` for `key`.
fn weight(key: &WireKey, member: &PeerId) -> [u8; 32] {
    Sha256::new()
        .chain_update(key.0)
        .chain_update(member.as_bytes())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const N_KEYS: u16 = 4000;

    fn keys() -> impl Iterator<Item = WireKey> {
        (0..N_KEYS).map(|number| WireKey(Sha256::digest(number.to_be_bytes()).into()))
    }

    fn members(n: u8) -> Vec<PeerId> {
        (1..=n).map(PeerId::for_test).collect()
    }

    #[test]
    fn nobody_owns_a_key_of_an_empty_fleet() {
        assert_eq!(owner(&WireKey([0; 32]), []), None);
    }

    #[test]
    fn order_of_members_does_not_matter() {
        let forward = members(9);
        let backward: Vec<_> = forward.iter().rev().copied().collect();
        for key in keys().take(200) {
            assert_eq!(owner(&key, forward.clone()), owner(&key, backward.clone()));
        }
    }

    #[test]
    fn keys_are_spread_evenly() {
        let mut owned: HashMap<PeerId, u16> = HashMap::new();
        for key in keys() {
            *owned.entry(owner(&key, members(8)).unwrap()).or_default() += 1;
        }
        let fair = N_KEYS / 8;
        assert_eq!(owned.len(), 8);
        assert!(
            owned
                .values()
                .all(|n| (fair * 3 / 4..fair * 5 / 4).contains(n)),
            "{owned:?}"
        );
    }

    #[test]
    fn only_keys_of_the_leaver_move() {
        let all = members(8);
        let leaver = all[3];
        let rest: Vec<_> = all
            .iter()
            .copied()
            .filter(|member| *member != leaver)
            .collect();
        for key in keys() {
            let before = owner(&key, all.clone()).unwrap();
            let after = owner(&key, rest.clone()).unwrap();
            assert!(before == after || before == leaver);
        }
    }
}
