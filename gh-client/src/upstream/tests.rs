use super::*;

#[test]
fn a_bare_root_stands_in_for_github_only_on_loopback() {
    for good in [
        "https://api.github.com",
        "https://api.github.com/",
        "http://127.0.0.1:8080",
        "http://[::1]:1",
        "http://localhost:9",
    ] {
        assert_eq!(
            ApiRoot::parse(good).unwrap().host,
            ApiRoot::GITHUB,
            "{good}"
        );
    }
    for bad in [
        "https://example.com",
        "http://192.168.0.1",
        "https://127.0.0.1:1",
        "http://api.github.com",
    ] {
        assert!(
            matches!(ApiRoot::parse(bad), Err(ApiRootError::NotForGitHub { .. })),
            "{bad}"
        );
    }
    for bad in [
        "",
        "api.github.com",
        "ftp://127.0.0.1",
        "https://u:p@api.github.com",
        "=http://127.0.0.1",
        "a host=https://ghe.corp",
        "u@ghe.corp=https://ghe.corp",
        "http://127.0.0.1/?x",
    ] {
        assert!(ApiRoot::parse(bad).is_err(), "{bad}");
    }
    assert!(matches!(
        ApiRoot::parse("ghe.corp=http://ghe.corp"),
        Err(ApiRootError::InTheClear { .. })
    ));
}

#[test]
fn an_enterprise_server_has_rest_and_graphql_under_its_own_paths() {
    let root = ApiRoot::parse("GHE.corp=https://ghe.corp/api/v3/").unwrap();
    assert_eq!(root.host, "ghe.corp");
    let uri = |target: &'static str| {
        root.uri(Some(&PathAndQuery::from_static(target)))
            .unwrap()
            .to_string()
    };
    assert_eq!(
        uri("/repos/o/r?x=1"),
        "https://ghe.corp/api/v3/repos/o/r?x=1"
    );
    assert_eq!(uri("/graphql"), "https://ghe.corp/api/graphql");
}

#[test]
fn a_host_that_github_named_is_reached_by_a_public_name_alone() {
    let upstream = Upstream::new(UpstreamConfig::default()).unwrap();
    let locate = |uri: &str, is_learned| upstream.locate(&uri.parse().unwrap(), is_learned);
    let blob = "https://productionresults.blob.core.windows.net/logs?sig=1";
    assert_eq!(locate(blob, true).unwrap(), blob);
    assert!(locate(blob, false).is_err());
    for never in [
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://intranet/x",
        "https://blob.example:8443/x",
    ] {
        assert!(locate(never, true).is_err(), "{never}");
    }
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, "Bearer x".parse().unwrap());
    remove_credentials_for(&blob.parse().unwrap(), true, &mut headers);
    assert!(headers.is_empty());
}

#[cfg(feature = "octocrab")]
#[test]
fn links_to_where_a_root_really_is_are_links_to_its_host() {
    let root = ApiRoot::parse("http://127.0.0.1:9180/api/v3").unwrap();
    let named = |uri: &str| {
        root.as_named(&uri.parse().unwrap())
            .map(|uri| uri.to_string())
    };
    assert_eq!(
        named("http://127.0.0.1:9180/api/v3/user/1/repos?page=2").unwrap(),
        "https://api.github.com/user/1/repos?page=2"
    );
    for other in [
        "https://api.github.com/x",
        "http://127.0.0.1:9181/api/v3/x",
        "https://127.0.0.1:9180/api/v3/x",
        "http://127.0.0.1:9180/api/v3x",
        "http://127.0.0.1:9180/x",
        "/x",
    ] {
        assert_eq!(named(other), None, "{other}");
    }
}

#[test]
fn requests_go_to_known_hosts_only() {
    let upstream = Upstream::new(UpstreamConfig::default()).unwrap();
    let locate = |uri: &str| {
        upstream
            .locate(&uri.parse().unwrap(), false)
            .map(|uri| uri.to_string())
    };
    assert_eq!(
        locate("https://api.github.com/user").unwrap(),
        "https://api.github.com/user"
    );
    assert_eq!(
        locate("https://uploads.github.com/x").unwrap(),
        "https://uploads.github.com/x"
    );
    assert_eq!(
        locate("https://objects.githubusercontent.com/x?y").unwrap(),
        "https://objects.githubusercontent.com/x?y"
    );
    let sent_to = |uri: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, "Bearer x".parse().unwrap());
        remove_credentials_for(
            &upstream.locate(&uri.parse().unwrap(), false).unwrap(),
            false,
            &mut headers,
        );
        headers.contains_key(AUTHORIZATION)
    };
    assert!(sent_to("https://api.github.com/x"));
    assert!(!sent_to("https://OBJECTS.githubusercontent.com/x"));
    for elsewhere in [
        "https://example.com/",
        "https://githubusercontent.com/",
        "https://evil-githubusercontent.com/",
        "https://api.github.com.example.com/",
        "https://github.com:8443/",
        "https://api.github.com:8443/",
    ] {
        assert!(locate(elsewhere).is_err(), "{elsewhere}");
    }
}
