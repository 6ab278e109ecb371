use super::*;

fn taken() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[test]
fn port_that_is_taken_is_an_error_that_names_the_address() {
    let (_taken, port) = taken();
    let error = resolve(&Listen::Addrs(vec![format!("/ip4/127.0.0.1/tcp/{port}")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("/ip4/127.0.0.1/tcp/{port} is in use by another program")
    );
    assert!(matches!(
        resolve(&Listen::Port(port)),
        Err(StartError::AddressInUse { .. })
    ));
}

#[test]
fn next_free_port_follows_a_default_that_is_taken() {
    let (_taken, port) = taken();
    let addrs = resolve(&Listen::PortOrNext(port)).unwrap();
    let found = socket_addr_of(&addrs[0]).unwrap().port();
    assert!(found > port, "{found} after {port}");
    assert!(
        addrs
            .iter()
            .all(|addr| socket_addr_of(addr).unwrap().port() == found)
    );
}

#[test]
fn port_zero_is_any_port_the_same_for_both_families() {
    let addrs = resolve(&Listen::Port(0)).unwrap();
    let ports: Vec<_> = addrs
        .iter()
        .map(|addr| socket_addr_of(addr).unwrap().port())
        .collect();
    assert!(
        ports.iter().all(|port| *port != 0 && *port == ports[0]),
        "{addrs:?}"
    );
}

#[test]
fn address_that_does_not_parse_is_named() {
    let error = parse("10.0.0.1:9000").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`10.0.0.1:9000` is not a multiaddr such as /ip4/192.0.2.1/tcp/9000"
    );
}

#[test]
fn members_are_believed_plain_addresses_only() {
    let id = PeerId::for_test(3);
    let check = |text: &str, expected: bool| {
        let text = text.replace("ID", &id.to_string());
        assert_eq!(parse_told(&text).is_some(), expected, "{text}");
    };
    check("/ip4/192.0.2.1/tcp/9000/p2p/ID", true);
    check("/ip6/2001:db8::1/tcp/9000/p2p/ID", true);
    check("/ip4/192.0.2.1/tcp/9000", false);
    check("/ip4/192.0.2.1/tcp/0/p2p/ID", false);
    check("/ip4/0.0.0.0/tcp/9000/p2p/ID", false);
    check("/ip4/192.0.2.1/udp/9000/p2p/ID", false);
    check("/dns/example.com/tcp/9000/p2p/ID", false);
    check("/ip4/192.0.2.1/tcp/9000/p2p/ID/p2p-circuit/p2p/ID", false);
    check("", false);
}
