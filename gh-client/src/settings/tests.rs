use super::*;

const TOKEN: &str = "ghp_0123456789012345678901234567890123456789";

fn sources(flags: &[(&str, &str)], environment: &[(&str, &str)]) -> Sources {
    let own = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    Sources {
        flags: own(flags),
        environment: own(environment),
        file: None,
    }
}

fn resolve(flags: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Settings, SettingError> {
    Settings::resolve(&sources(flags, environment), || None)
}

#[test]
fn flag_wins_over_environment_and_the_new_prefix_over_the_old() {
    let environment = [("CACHE_LISTEN_PORT", "1"), ("GH_MESH_LISTEN_PORT", "2")];
    let settings = resolve(&[("LISTEN_PORT", "3")], &environment).unwrap();
    assert_eq!(
        settings.p2p_port,
        Port {
            number: 3,
            is_given: true
        }
    );
    assert_eq!(resolve(&[], &environment).unwrap().p2p_port.number, 2);
    assert_eq!(resolve(&[], &environment[..1]).unwrap().p2p_port.number, 1);
    assert_eq!(
        resolve(&[], &[("CACHE_LISTEN_PORT", "")]).unwrap().p2p_port,
        Port {
            number: 9000,
            is_given: false
        }
    );
}

#[test]
fn a_file_stands_below_the_environment_and_is_named_in_errors() {
    let file = |value: &str| Sources {
        file: Some((
            "/etc/x.toml".into(),
            BTreeMap::from([("MAX_SIZE".to_owned(), value.to_owned())]),
        )),
        ..sources(&[], &[])
    };
    assert_eq!(
        Settings::resolve(&file("7"), || None).unwrap().max_entries,
        7
    );
    let error = Settings::resolve(&file("many"), || None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "max_size in /etc/x.toml is \"many\", which is not a whole number in range"
    );
}

#[test]
fn bad_values_are_named_by_what_held_them() {
    for (flags, environment, expected) in [
        (
            &[("LISTEN_PORT", "70000")][..],
            &[][..],
            "--p2p-port is \"70000\", which is not a whole number in range",
        ),
        (
            &[],
            &[("CACHE_ENABLE_P2P", "maybe")],
            "CACHE_ENABLE_P2P is \"maybe\", which is not true or false",
        ),
        (
            &[("DEFAULT_TTL", "-1")],
            &[],
            "--default-ttl is \"-1\", which is not a time in seconds, such as 300 or 0.5",
        ),
        (
            &[("HTTP_LISTEN", "9180")],
            &[],
            "--http is \"9180\", which is not an address and port, such as 127.0.0.1:9180, or off",
        ),
        (
            &[],
            &[("CACHE_SHARE", "fleet")],
            "CACHE_SHARE is \"fleet\", which is not available yet; token and proved are",
        ),
        (
            &[],
            &[("GH_MESH_SHARE", "open")],
            "GH_MESH_SHARE is \"open\", which is not available yet; token and proved are",
        ),
        (
            &[],
            &[("CACHE_SHARE", "all")],
            "CACHE_SHARE is \"all\", which is not token or proved",
        ),
        (
            &[],
            &[("GH_MESH_P2P_SHARED_SECRET", "short")],
            "GH_MESH_P2P_SHARED_SECRET is \"(secret)\", which is not at least 32 characters long; `gh-mesh keygen` makes one",
        ),
    ] {
        assert_eq!(
            resolve(flags, environment).unwrap_err().to_string(),
            expected
        );
    }
}

#[test]
fn the_token_stands_in_for_the_secret_unless_it_is_short_or_minted_for_a_job() {
    let of = |environment: &[(&str, &str)]| resolve(&[], environment).unwrap().fleet_secret;
    assert_eq!(of(&[]), FleetSecret::None);
    assert_eq!(
        of(&[("GITHUB_TOKEN", TOKEN)]),
        FleetSecret::Token(Secret::new(TOKEN))
    );
    assert_eq!(of(&[("GH_TOKEN", "short")]), FleetSecret::ShortToken);
    assert_eq!(
        of(&[("GH_TOKEN", &format!("ghs_{TOKEN}"))]),
        FleetSecret::PerJobToken
    );
    let explicit = "an explicit secret of 32 characters or more";
    let both = [("GH_TOKEN", TOKEN), ("CACHE_P2P_SHARED_SECRET", explicit)];
    assert_eq!(of(&both), FleetSecret::Explicit(Secret::new(explicit)));
}

#[test]
fn state_lies_outside_the_cache_and_differs_by_it() {
    let of = |dir: &str| resolve(&[("DIR", dir)], &[("HOME", "/home/a")]).unwrap();
    let (a, b) = (of("/var/a"), of("/var/b"));
    assert!(
        a.state_dir.starts_with("/home/a/.local/state/gh-mesh"),
        "{}",
        a.state_dir.display()
    );
    assert_ne!(a.state_dir, b.state_dir);
    assert_eq!(a.socket, PathBuf::from("/var/a/gh-mesh.sock"));
    assert_eq!(of("~/x").cache_dir, PathBuf::from("/home/a/x"));
}

#[test]
fn no_secret_is_ever_shown() {
    let secret = "canary-canary-canary-canary-canary-canary";
    let settings = resolve(
        &[],
        &[("CACHE_P2P_SHARED_SECRET", secret), ("GH_TOKEN", TOKEN)],
    )
    .unwrap();
    let shown = format!("{settings:?} {:?}", settings.shown());
    assert!(
        !shown.contains("canary") && !shown.contains(TOKEN),
        "{shown}"
    );
}

#[test]
fn further_hosts_are_added_to_github() {
    let settings = resolve(
        &[],
        &[("CACHE_API_URL", "ghe.corp=https://ghe.corp/api/v3")],
    )
    .unwrap();
    assert_eq!(settings.api_hosts(), ["api.github.com", "ghe.corp"]);
    assert!(resolve(&[("API_URL", "http://example.com")], &[]).is_err());
}

#[test]
fn sizes_and_times_are_read_and_nonsense_is_not() {
    for (text, expected) in [
        ("0", Some(0)),
        ("512MiB", Some(512 << 20)),
        ("512 mb", Some(512 << 20)),
        ("2G", Some(2 << 30)),
        ("1TiB", Some(1 << 40)),
        (" 7k ", Some(7 << 10)),
        ("1.5GiB", None),
        ("MiB", None),
        ("-1", None),
        ("1 000", None),
        ("99999999999999999999", None),
        ("18446744073709551615k", None),
        ("5 apples", None),
    ] {
        let read = resolve(&[("MAX_BYTES", text)], &[]);
        assert_eq!(read.ok().map(|s| s.max_disk_bytes), expected, "{text:?}");
    }
    for (text, expected_ms) in [
        ("0", Some(0)),
        ("0.5", Some(500)),
        ("300s", Some(300_000)),
        (" 5 ", Some(5_000)),
        ("1e3", Some(1_000_000)),
        ("nan", None),
        ("inf", None),
        ("-0.1", None),
        ("5m", None),
        ("1e400", None),
    ] {
        let read = resolve(&[("MAX_AGE", text)], &[]);
        let expected = expected_ms.map(|ms| Some(Duration::from_millis(ms)));
        assert_eq!(read.ok().map(|s| s.max_age), expected, "{text:?}");
    }
}

#[test]
fn a_token_goes_only_to_the_host_that_it_is_for() {
    let root = "ghe.corp=https://ghe.corp/api/v3,api.octo.ghe.com=https://api.octo.ghe.com";
    let tokens = [
        ("GH_TOKEN", "github's"),
        ("GH_ENTERPRISE_TOKEN", "enterprise's"),
    ];
    for (api_url, named, host, token) in [
        ("", "", "api.github.com", "github's"),
        (root, "", "api.github.com", "github's"),
        (root, "github.com", "api.github.com", "github's"),
        (root, "GHE.corp", "ghe.corp", "enterprise's"),
        (root, "octo.ghe.com", "api.octo.ghe.com", "github's"),
        // Nothing is known of that host, so nothing is asked of it.
        (root, "other.corp", "api.github.com", "github's"),
        ("", "ghe.corp", "api.github.com", "github's"),
    ] {
        let mut environment = tokens.to_vec();
        environment.extend([("CACHE_API_URL", api_url), ("GH_HOST", named)]);
        let settings = resolve(&[], &environment).unwrap();
        assert_eq!(settings.host, host, "{named}");
        assert_eq!(settings.token, Some(Secret::new(token)), "{named}");
    }
}

#[test]
fn a_secret_may_come_from_a_file_and_is_trimmed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    let path = path.to_str().unwrap();
    let file = [("CACHE_P2P_SHARED_SECRET_FILE", path)];
    let error = resolve(&[], &file).unwrap_err();
    assert_eq!(error.given_as, "CACHE_P2P_SHARED_SECRET_FILE");
    std::fs::write(path, format!("{TOKEN}\n")).unwrap();
    let settings = resolve(&[], &file).unwrap();
    assert_eq!(
        settings.fleet_secret,
        FleetSecret::Explicit(Secret::new(TOKEN))
    );
}

#[test]
fn bodies_are_proved_unless_each_token_is_to_keep_its_own() {
    for (environment, share, shown) in [
        (&[][..], crate::Share::Proved, "proved"),
        (&[("CACHE_SHARE", "proved")], crate::Share::Proved, "proved"),
        (&[("CACHE_SHARE", "token")], crate::Share::Token, "token"),
    ] {
        let settings = resolve(&[], environment).unwrap();
        assert_eq!(settings.share, share);
        let row = settings.shown().iter().find(|row| row.name == "SHARE");
        assert_eq!(row.unwrap().value, shown);
    }
}
