use super::*;

const PLAIN: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const SIZED: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n\r\n\r\nGET / \r\n";
const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a\r\n\r\n\
    1b;x=y\r\nContent-Length: 1\r\nContent\r\n0A\r\n0123456789\r\n0\r\nContent-Length: 1\r\n\r\n";
const TWICE: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-LENGTH:5\r\n\r\nhello";
const BOTH: &[u8] =
    b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
const CODED_TWICE: &[u8] =
    b"POST / HTTP/1.1\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n0\r\n\r\n";

/// Tells whether two lengths are seen, with `messages` read in pieces of each size.
#[track_caller]
fn check(messages: &[&[u8]], expected: bool) {
    let bytes = messages.concat();
    for size in (1..40).chain([bytes.len()]) {
        let mut watch = Watch::default();
        let mut seen = false;
        for piece in bytes.chunks(size) {
            seen |= watch.look(piece);
        }
        assert_eq!(seen, expected, "read in pieces of {size}");
    }
}

#[test]
fn requests_with_one_length_or_none_pass() {
    check(
        &[PLAIN, SIZED, PLAIN, CHUNKED, b"\r\n", CHUNKED, SIZED, PLAIN],
        false,
    );
}

#[test]
fn two_lengths_are_seen_wherever_they_come() {
    for hostile in [TWICE, BOTH, CODED_TWICE] {
        check(&[hostile], true);
        check(&[PLAIN, SIZED, CHUNKED, hostile], true);
    }
}

#[test]
fn lengths_inside_bodies_and_long_lines_are_not_taken_for_fields() {
    check(
        &[b"POST / HTTP/1.1\r\nContent-Length: 44\r\n\r\n", TWICE],
        false,
    );
    let long = [
        b"GET / HTTP/1.1\r\nX: ".as_slice(),
        &[b'a'; 5000],
        b"\r\n\r\n",
    ]
    .concat();
    check(&[&long, PLAIN], false);
    check(&[&long, TWICE], true);
}

#[test]
fn a_lost_place_ends_the_watch() {
    check(
        &[b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", TWICE],
        false,
    );
    check(
        &[
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            TWICE,
        ],
        false,
    );
}
