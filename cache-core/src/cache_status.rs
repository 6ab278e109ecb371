//! Outcomes of lookups, in the words of `Cache-Status` (RFC 9211).

use std::fmt;

use http::StatusCode;

/// Where a fresh entry was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HitFrom {
    /// In the memory of this process.
    Memory,
    /// On this machine's disk.
    Disk,
    /// At a peer, just now.
    Peer,
}

/// Why a request went on (RFC 9211 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// Nothing was stored for the question.
    UriMiss,
    /// Something is stored for the question, but for another audience.
    VaryMiss,
    /// The entry was stale.
    Stale,
    /// The entry was fresh and the request asked for more (`no-cache`).
    Request,
    /// The method is not cacheable.
    Method,
    /// The cache was not used for this request.
    Bypass,
}

impl Forward {
    const fn as_str(self) -> &'static str {
        match self {
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
            Self::Method => "method",
            Self::Bypass => "bypass",
        }
    }
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// From a fresh entry.
    Hit {
        /// Where it was found.
        from: HitFrom,
        /// Remaining freshness lifetime in seconds.
        ttl_s: u64,
    },
    /// With what another's request brought.
    Collapsed {
        /// Why this request went on.
        forward: Forward,
        /// Whether the other was on another machine of the fleet.
        fleet: bool,
    },
    /// The origin said that the stored body is current.
    Revalidated {
        /// Why this request went on.
        forward: Forward,
    },
    /// The origin said that another audience's body is current for this credential too.
    Proved,
    /// From a stale entry that is being revalidated behind.
    StaleWhileRevalidate {
        /// Seconds since it went stale.
        stale_s: u64,
    },
    /// From a stale entry, because the origin was asked and failed.
    StaleIfError {
        /// What the origin said; 504 stands for no answer.
        status: StatusCode,
    },
    /// From a stale entry, because the origin refused by a rate limit.
    RefusedByLimit {
        /// What the origin said.
        status: StatusCode,
    },
    /// From a stale entry without asking, because the budget is spent or paused.
    SparedByLimit {
        /// Seconds since it went stale.
        stale_s: u64,
    },
    /// From the origin.
    Fetched {
        /// Why this request went on.
        forward: Forward,
        /// What the origin said.
        status: StatusCode,
        /// Whether the response was stored.
        stored: bool,
    },
    /// Past the cache: the request is none that a cache may answer.
    Passed {
        /// [`Forward::Method`] or [`Forward::Bypass`].
        forward: Forward,
    },
    /// Not at all: nothing is stored and the request forbids asking (`only-if-cached`).
    NotStored,
}

impl Outcome {
    /// Returns the outcome as a `Cache-Status` member of the cache called `name`.
    pub fn cache_status(self, name: &str) -> String {
        format!("{name}; {self}")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Hit { from, ttl_s } => {
                let detail = match from {
                    HitFrom::Memory => "memory",
                    HitFrom::Disk => "disk",
                    HitFrom::Peer => "peer",
                };
                write!(f, "hit; ttl={ttl_s}; detail={detail}")
            }
            Self::Collapsed { forward, fleet } => {
                let detail = if fleet { "fleet" } else { "local" };
                write!(f, "fwd={}; collapsed; detail={detail}", forward.as_str())
            }
            Self::Revalidated { forward } => {
                write!(
                    f,
                    "fwd={}; fwd-status=304; detail=revalidated",
                    forward.as_str()
                )
            }
            Self::Proved => f.write_str("fwd=vary-miss; fwd-status=304; detail=proved"),
            Self::StaleWhileRevalidate { stale_s } => {
                write!(f, "hit; ttl=-{stale_s}; detail=stale-while-revalidate")
            }
            Self::StaleIfError { status } => {
                write!(
                    f,
                    "fwd=stale; fwd-status={}; detail=stale-if-error",
                    status.as_u16()
                )
            }
            Self::RefusedByLimit { status } => {
                write!(
                    f,
                    "fwd=stale; fwd-status={}; detail=rate-limited",
                    status.as_u16()
                )
            }
            Self::SparedByLimit { stale_s } => {
                write!(f, "hit; ttl=-{stale_s}; detail=rate-limited")
            }
            Self::Fetched {
                forward,
                status,
                stored,
            } => {
                write!(
                    f,
                    "fwd={}; fwd-status={}",
                    forward.as_str(),
                    status.as_u16()
                )?;
                f.write_str(if stored { "; stored" } else { "" })
            }
            Self::Passed { forward } => write!(f, "fwd={}", forward.as_str()),
            Self::NotStored => f.write_str("detail=only-if-cached"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_cache_status() {
        let ok = StatusCode::OK;
        let rows = [
            (
                Outcome::Hit {
                    from: HitFrom::Memory,
                    ttl_s: 42,
                },
                "hit; ttl=42; detail=memory",
            ),
            (
                Outcome::Hit {
                    from: HitFrom::Disk,
                    ttl_s: 0,
                },
                "hit; ttl=0; detail=disk",
            ),
            (
                Outcome::Hit {
                    from: HitFrom::Peer,
                    ttl_s: 1,
                },
                "hit; ttl=1; detail=peer",
            ),
            (
                Outcome::Collapsed {
                    forward: Forward::UriMiss,
                    fleet: false,
                },
                "fwd=uri-miss; collapsed; detail=local",
            ),
            (
                Outcome::Collapsed {
                    forward: Forward::Stale,
                    fleet: true,
                },
                "fwd=stale; collapsed; detail=fleet",
            ),
            (
                Outcome::Revalidated {
                    forward: Forward::Request,
                },
                "fwd=request; fwd-status=304; detail=revalidated",
            ),
            (
                Outcome::Proved,
                "fwd=vary-miss; fwd-status=304; detail=proved",
            ),
            (
                Outcome::StaleWhileRevalidate { stale_s: 7 },
                "hit; ttl=-7; detail=stale-while-revalidate",
            ),
            (
                Outcome::StaleIfError {
                    status: StatusCode::GATEWAY_TIMEOUT,
                },
                "fwd=stale; fwd-status=504; detail=stale-if-error",
            ),
            (
                Outcome::RefusedByLimit {
                    status: StatusCode::TOO_MANY_REQUESTS,
                },
                "fwd=stale; fwd-status=429; detail=rate-limited",
            ),
            (
                Outcome::SparedByLimit { stale_s: 3 },
                "hit; ttl=-3; detail=rate-limited",
            ),
            (
                Outcome::Fetched {
                    forward: Forward::UriMiss,
                    status: ok,
                    stored: true,
                },
                "fwd=uri-miss; fwd-status=200; stored",
            ),
            (
                Outcome::Fetched {
                    forward: Forward::Stale,
                    status: ok,
                    stored: false,
                },
                "fwd=stale; fwd-status=200",
            ),
            (
                Outcome::Passed {
                    forward: Forward::Method,
                },
                "fwd=method",
            ),
            (
                Outcome::Passed {
                    forward: Forward::Bypass,
                },
                "fwd=bypass",
            ),
            (Outcome::NotStored, "detail=only-if-cached"),
        ];
        for (outcome, expected) in rows {
            assert_eq!(
                outcome.cache_status("gh-mesh"),
                format!("gh-mesh; {expected}")
            );
        }
    }
}
