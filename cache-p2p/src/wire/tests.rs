use proptest::prelude::*;

use super::*;

/// Reads one whole frame.
fn decode(frame: &[u8]) -> Result<Message, Refused> {
    let (prefix, rest) = frame.split_first_chunk().ok_or(Refused::BadLengths)?;
    let Lengths { head, tail } = lengths(*prefix)?;
    if rest.len() != head + tail {
        return Err(Refused::BadLengths);
    }
    let partial = decode_head(&rest[..head], tail)?;
    Ok(partial.with_tail(Bytes::copy_from_slice(&rest[head..])))
}

fn encoded(message: Message) -> Vec<u8> {
    let mut out = BytesMut::new();
    let tail = encode(message, &mut out).expect("the message fits");
    out.extend_from_slice(&tail);
    out.to_vec()
}

fn key() -> LeaseKey {
    LeaseKey {
        audience: Audience::from_bytes([1; 16]),
        wire_key: WireKey([2; 32]),
    }
}

/// One of each message and variant.
fn messages() -> Vec<Message> {
    let id = AskId(7);
    let token = FencingToken {
        incarnation: 3,
        counter: 4,
    };
    let entry = || Sealed {
        envelope: Bytes::from_static(b"sealed"),
        created_at: Timestamp::from_millis(5),
    };
    let outcomes = || {
        [
            Outcome::Entry(entry()),
            Outcome::EachForItself,
            Outcome::Failed,
            Outcome::GivenBack,
        ]
    };
    let answers = [
        Answer::Found(entry()),
        Answer::Granted {
            token,
            valid_for: Duration::from_secs(12),
        },
        Answer::Waiting,
        Answer::Alone,
    ];
    let mut messages = vec![
        Message::Hello(Hello {
            version: 1,
            oldest_version: 1,
            incarnation: 9,
            agent: "gh-mesh/1".into(),
            addrs: vec!["/ip4/1.2.3.4/tcp/5".into()],
        }),
        Message::Ask {
            id,
            key: key(),
            fresh_since: Timestamp::from_millis(6),
            only_if_held: true,
        },
        Message::Withdraw { id },
        Message::Offer {
            key: key(),
            sealed: entry(),
        },
        Message::Keepalive,
        Message::Members {
            addrs: vec![String::new(), "x".into()],
        },
        Message::Goodbye,
    ];
    messages.extend(answers.map(|answer| Message::Answer { id, answer }));
    messages.extend(outcomes().map(|outcome| Message::Answer {
        id,
        answer: Answer::Told(outcome),
    }));
    messages.extend(outcomes().map(|outcome| Message::Fill {
        token,
        key: key(),
        outcome,
    }));
    messages
}

#[test]
fn every_message_reads_back() {
    for message in messages() {
        let decoded = decode(&encoded(message.clone())).unwrap();
        assert_eq!(format!("{decoded:?}"), format!("{message:?}"));
    }
}

#[test]
fn version_one_is_what_it_was() {
    // The bytes of the first release. A change here is a new version.
    let ask = Message::Ask {
        id: AskId(1),
        key: key(),
        fresh_since: Timestamp::from_millis(2),
        only_if_held: false,
    };
    let mut expected = vec![0, 0, 0, 71, 0, 69, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    expected.extend([1; 16]);
    expected.extend([2; 32]);
    expected.extend([0, 0, 0, 0, 0, 0, 0, 2, 0]);
    assert_eq!(encoded(ask), expected);
    assert_eq!(encoded(Message::Keepalive), [0, 0, 0, 6, 0, 4, 0, 0, 0, 10]);
    assert_eq!(encoded(Message::Goodbye), [0, 0, 0, 6, 0, 4, 0, 0, 0, 12]);
}

#[test]
fn bytes_left_over_in_the_head_are_refused() {
    assert_eq!(
        decode(&[0, 0, 0, 7, 0, 5, 0, 0, 0, 10, 0]).unwrap_err(),
        Refused::BadHead
    );
}

#[test]
fn claimed_lengths_allocate_nothing() {
    // A `Members` with 2^40 addresses, and one with an address of 2^60 bytes.
    for claim in [1_u64 << 40, 1] {
        let mut head = 11_u32.to_be_bytes().to_vec();
        head.extend(claim.to_be_bytes());
        head.extend((1_u64 << 60).to_be_bytes());
        assert_eq!(decode_head(&head, 0).unwrap_err(), Refused::BadHead);
    }
    assert_eq!(lengths([0xFF; 6]).unwrap_err(), Refused::TooLong);
    assert_eq!(
        lengths([0, 0, 0, 1, 0, 0]).unwrap_err(),
        Refused::BadLengths
    );
}

#[test]
fn message_too_long_for_a_frame_is_not_encoded() {
    let mut out = BytesMut::new();
    let addrs = vec!["x".repeat(1000); 100];
    assert!(encode(Message::Members { addrs }, &mut out).is_none());
    let envelope = Bytes::from(vec![0; MAX_ENVELOPE_BYTES + 1]);
    let sealed = Sealed {
        envelope,
        created_at: Timestamp::EPOCH,
    };
    assert!(encode(Message::Offer { key: key(), sealed }, &mut out).is_none());
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
        let _ = decode_head(&bytes, bytes.len() % 2);
    }

    #[test]
    fn damaged_messages_are_refused_or_read_as_other_messages(
        which in 0..messages().len(),
        index in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encoded(messages()[which].clone());
        let index = index.index(bytes.len());
        bytes[index] = byte;
        if let Ok(message) = decode(&bytes) {
            prop_assert_eq!(encoded(message), bytes);
        }
    }
}
