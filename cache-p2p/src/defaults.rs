//! Every limit and interval of the fleet, in one place.

use std::time::Duration;

/// How often a holder tells the owner, and an owner its waiting members, that they are alive.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_millis(100);

/// Silence after which a holder or an owner counts as dead: two keepalives missed.
pub const KEEPALIVE_DEADLINE: Duration = Duration::from_millis(200);

/// How long a lease lasts at most.
pub const LEASE_DURATION: Duration = Duration::from_secs(12);

/// How long an ask waits for the owner's first word.
pub const FIRST_REPLY_TIMEOUT: Duration = Duration::from_millis(200);

/// How long an ask may wait in all: two leases, and a keepalive's grace.
pub const MAX_WAIT: Duration = Duration::from_millis(24_500);

/// How long a question that is each member's own is not collapsed.
pub const UNCOLLAPSED_DURATION: Duration = Duration::from_secs(60);

/// How often the machines look at the time while anything is outstanding.
pub const TICK_INTERVAL: Duration = Duration::from_millis(25);

/// A tick later than this means that the node itself was held up, and says nothing about others.
pub const HELD_UP_AFTER: Duration = Duration::from_millis(100);

/// First and longest time for which a silent owner loses its rank; doubled at each repetition.
pub const DEMOTION: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// An envelope created further ahead than this is not kept.
pub const MAX_CLOCK_LEAD: Duration = Duration::from_secs(60);

/// Leases an owner keeps at once.
pub const MAX_LEASES: usize = 4096;

/// Members' asks that wait for one lease.
pub const MAX_WAITERS_PER_LEASE: usize = 1024;

/// Asks that wait at one owner in all.
pub const MAX_WAITERS: usize = 16_384;

/// Questions remembered as each member's own.
pub const MAX_UNCOLLAPSED: usize = 4096;

/// Asks of this node that are under way.
pub const MAX_ASKS: usize = 8192;

/// Envelopes kept for others.
pub const MAX_HELD: usize = 16_384;

/// Bytes of envelopes kept for others.
pub const HELD_BYTES: usize = 64 << 20;

/// Longest envelope: a body of 4 MiB, and room for its header.
pub const MAX_ENVELOPE_BYTES: usize = (4 << 20) + (64 << 10);

/// Longest head of a frame, and so the longest message without an envelope.
pub const MAX_HEAD_BYTES: usize = 64 << 10;

/// Messages that may wait to be written to one member. One more and the newest is dropped, counted.
pub const SEND_QUEUE: usize = 1024;

/// Small frames are gathered up to this many bytes before they are written.
pub const WRITE_BATCH_BYTES: usize = 64 << 10;

/// How long one batch may take to be written before the stream is given up.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a handshake may take: transport, lock and multiplexer, and again the exchange stream's hellos.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);

/// First and longest pause before an exchange stream is opened again.
pub const REOPEN_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(50), Duration::from_secs(5));

/// First and longest pause before an address is dialed again.
pub const DIAL_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(250), Duration::from_secs(30));

/// Failed dials after which an address learned from a member is forgotten. Configured ones never are.
pub const MAX_LEARNED_FAILURES: u32 = 8;

/// Members learned from members that are remembered at once.
pub const MAX_LEARNED: usize = 256;

/// Addresses in one hello or for one member.
pub const MAX_ADDRS_PER_MEMBER: usize = 8;

/// Addresses in one message about other members.
pub const MAX_ADDRS_PER_MESSAGE: usize = 256;

/// Longest address in text form.
pub const MAX_ADDR_BYTES: usize = 256;

/// Longest agent name.
pub const MAX_AGENT_BYTES: usize = 128;

/// Inbound connections that have not finished their handshake.
pub const MAX_PENDING_INBOUND: u32 = 32;

/// Connections in all.
pub const MAX_ESTABLISHED: u32 = 128;

/// Connections with one peer: two, because both may dial at once.
pub const MAX_ESTABLISHED_PER_PEER: u32 = 2;

/// Exchange streams of one peer, handshakes included.
pub const MAX_STREAMS_PER_PEER: usize = 8;

/// How long a connection without streams is kept.
pub const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_mins(10);

/// How long goodbyes may take to be written.
pub const GOODBYE_TIMEOUT: Duration = Duration::from_millis(500);

/// First and longest pause before the network task is started again after a panic.
pub const RESTART_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(50), Duration::from_secs(30));

/// Ports tried after a default port that is taken.
pub const MAX_PORTS_TRIED: u16 = 64;
