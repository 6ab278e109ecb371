//! The store as its callers see it, and as the file system, other processes and crashes do.

#![expect(
    clippy::unwrap_used,
    reason = "tests; the exception for them does not reach their helpers"
)]
#![expect(
    clippy::print_stdout,
    reason = "a child process tells its parent how far it is"
)]

mod bounds;
mod child;
mod crash;
mod damage;
mod directory;
mod full_disk;
mod migrations;
mod model;
mod secrecy;
mod support;
