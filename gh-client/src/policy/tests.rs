use super::*;

#[track_caller]
fn check(path: &str, expected: Class) {
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, query)| (path, Some(query)));
    assert_eq!(class_of(path, query), expected, "{path}");
}

#[test]
fn routes_have_their_classes() {
    let hash = "0123456789abcdef0123456789abcdef01234567";
    check("/repos/o/r", Class::Ordinary);
    check("/repos/o/r/issues?state=open", Class::Ordinary);
    check("/repos/o/r/actions/runs", Class::Activity);
    check("/repos/o/r/actions/runs/1/jobs", Class::Activity);
    check("/repos/o/r/actions/runs/1/logs", Class::NeverStored);
    check("/repos/o/r/actions/jobs/1/logs", Class::NeverStored);
    check("/repos/o/r/actions/artifacts/1/zip", Class::NeverStored);
    check("/repos/o/r/actions/artifacts/1", Class::Ordinary);
    check("/repos/o/r/actions/runners", Class::Runners);
    check("/orgs/o/actions/runners/5/labels", Class::Runners);
    check("/repos/o/r/actions/secrets/public-key", Class::NeverStored);
    check("/repos/o/r/commits/main/check-runs", Class::Activity);
    check("/repos/o/r/branches/main/protection", Class::Access);
    check("/repos/o/r/branches/main", Class::Ordinary);
    check("/repos/o/r/collaborators/u/permission", Class::Access);
    check("/repos/o/r/events", Class::Polled);
    check("/repositories/7/branches/main/protection", Class::Access);
    check("/repositories/7/actions/secrets", Class::NeverStored);
    check("/repositories/7/actions/runs", Class::Activity);
    check("/repositories/7/issues", Class::Ordinary);
    check("/rate_limit", Class::NeverStored);
    check("/", Class::NeverStored);
    check(&format!("/repos/o/r/commits/{hash}"), Class::Immutable);
    check("/repos/o/r/commits/main", Class::Ordinary);
    check(&format!("/repos/o/r/git/blobs/{hash}"), Class::Immutable);
    check(
        &format!("/repos/o/r/commits/{hash}/status"),
        Class::Activity,
    );
    check(
        &format!("/repos/o/r/compare/{hash}...{hash}"),
        Class::Immutable,
    );
    check(
        &format!("/repos/o/r/compare/main...{hash}"),
        Class::Ordinary,
    );
    check(
        &format!("/repos/o/r/contents/a?ref={hash}"),
        Class::Ordinary,
    );
}

#[test]
fn a_default_that_was_set_means_what_it_says() {
    let secs = Duration::from_secs;
    let default = Class::Ordinary.lifetimes(&PolicyConfig::default());
    assert_eq!(
        (default.fresh, default.stale_while_revalidate),
        (secs(60), secs(240))
    );
    let set = PolicyConfig {
        default_ttl: Some(secs(7)),
        ..PolicyConfig::default()
    };
    let lifetimes = Class::Ordinary.lifetimes(&set);
    assert_eq!(
        (lifetimes.fresh, lifetimes.stale_while_revalidate),
        (secs(7), Duration::ZERO)
    );
    assert_eq!(Class::Activity.lifetimes(&set).fresh, secs(60));
    let capped = PolicyConfig {
        max_age: Some(secs(5)),
        ..PolicyConfig::default()
    };
    for class in [
        Class::Ordinary,
        Class::Activity,
        Class::Runners,
        Class::Immutable,
        Class::Graphql,
    ] {
        let lifetimes = class.lifetimes(&capped);
        assert_eq!(
            (lifetimes.fresh, lifetimes.stale_while_revalidate),
            (secs(5), Duration::ZERO),
            "{class:?}"
        );
    }
}

#[test]
fn who_may_do_what_is_never_answered_stale() {
    let lifetimes = Class::Access.lifetimes(&PolicyConfig::default());
    assert_eq!(lifetimes.stale_while_revalidate, Duration::ZERO);
    assert_eq!(lifetimes.stale_if_error, Duration::ZERO);
}

#[test]
fn a_credential_of_the_wrong_kind_is_told_from_one_that_is_gone() {
    for path in [
        "/app",
        "/app/installations/1",
        "/installation/repositories",
        "/applications/x/token",
        "/repos/o/r/installation",
        "/orgs/o/installation",
    ] {
        assert!(wants_app_credential(path), "{path}");
    }
    for path in [
        "/apps/x",
        "/user",
        "/repos/o/r",
        "/repos/o/r/installation/x",
    ] {
        assert!(!wants_app_credential(path), "{path}");
    }
}

#[test]
fn every_rule_of_the_table_is_found_by_its_own_path() {
    for (place, rule) in RULES.iter().enumerate() {
        let path = format!("/{}", rule.path.replace("/**", "").replace(['{', '}'], ""));
        let earlier = RULES[..place].iter().any(|earlier| {
            CLASSES.find(&path) == Some(earlier.gives) && earlier.gives != rule.gives
        });
        assert!(CLASSES.find(&path) == Some(rule.gives) || earlier, "{path}");
    }
}

#[test]
fn who_may_do_what_is_not_answered_stale_on_request_either() {
    let wishes = Directives {
        max_stale: Some(Duration::MAX),
        max_age: Some(Duration::from_secs(1)),
        ..Directives::default()
    };
    assert_eq!(Class::Ordinary.allowed(wishes), wishes);
    let granted = Class::Access.allowed(wishes);
    assert_eq!(granted.max_stale, None);
    assert_eq!(granted.max_age, wishes.max_age);
}

#[test]
fn the_interval_of_events_is_bounded_by_the_cap() {
    let stated = Class::Polled
        .stated_lifetime(&PolicyConfig::default())
        .unwrap();
    assert_eq!(stated.header, "x-poll-interval");
    let capped = PolicyConfig {
        max_age: Some(Duration::from_secs(5)),
        ..PolicyConfig::default()
    };
    let stated = Class::Polled.stated_lifetime(&capped).unwrap();
    assert_eq!(stated.at_most, Duration::from_secs(5));
    assert_eq!(Class::Ordinary.stated_lifetime(&capped), None);
}

#[test]
fn answers_about_the_caller_are_known_by_their_routes() {
    for path in [
        "/",
        "/user",
        "/user/repos",
        "//user",
        "/%75ser",
        "/notifications",
        "/notifications/threads/1",
        "/installation/repositories",
        "/app",
        "/app/installations",
        "/rate_limit",
        "/issues",
        "/gists/starred",
        "/orgs/o/installation",
        "/repos/o/r/subscription",
        "/repositories/1/notifications",
    ] {
        assert!(is_about_the_caller(path), "{path}");
    }
    for path in [
        "/users/o",
        "/repos/user/notifications",
        "/repos/o/r",
        "/repos/o/r/contents/a%2Fb",
        "/repositories/1",
        "/gists/1",
        "/orgs/o/repos",
    ] {
        assert!(!is_about_the_caller(path), "{path}");
    }
}
