//! Downloads behind short-lived signed URLs on another host.

use sha2::{Digest, Sha256};

use crate::clock::Time;

/// How long a URL works, in seconds.
const LIFETIME: i64 = 60;

/// Returns a URL of `size` bytes under `path` of `host`.
pub(crate) fn url(host: &str, path: &str, size: u64, now: Time) -> String {
    let expires = now.plus(LIFETIME).0;
    let signature = signature(path, size, expires);
    format!("https://{host}{path}?size={size}&se={expires}&sig={signature}")
}

/// Returns how many bytes a signed URL stands for, if it is genuine and not too old.
pub(crate) fn verify(path: &str, query: &[(String, String)], now: Time) -> Option<u64> {
    let value = |name: &str| {
        query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let size = value("size")?.parse().ok()?;
    let expires: i64 = value("se")?.parse().ok()?;
    (expires >= now.0 && value("sig")? == signature(path, size, expires)).then_some(size)
}

/// Not a secret, only enough that nobody gets at a download without the redirect.
fn signature(path: &str, size: u64, expires: i64) -> String {
    hex::encode(&Sha256::digest(format!("standin:{path}:{size}:{expires}"))[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::parse_query;

    #[test]
    fn signed_urls_work_until_they_expire_and_for_their_path_only() {
        let now = Time(1_000);
        let url = url("x.githubusercontent.com", "/a", 7, now);
        let query = parse_query(url.split_once('?').unwrap().1);
        assert_eq!(verify("/a", &query, now), Some(7));
        assert_eq!(verify("/b", &query, now), None);
        assert_eq!(verify("/a", &query, now.plus(LIFETIME + 1)), None);
    }
}
