//! `cache` and `explain`.

use crate::support::World;

async fn shown(world: &World, args: &[&str]) -> String {
    world.neutral(&world.run(args).await.shown())
}

#[tokio::test]
async fn what_is_stored_is_shown_without_asking_github() {
    let world = World::new().await;
    let _daemon = world.serve(&[]).await;
    insta::assert_snapshot!(shown(&world, &["cache", "show", "users/octocat"]).await, @r"
    exit 5
    --- stdout

    --- stderr
    error: could not show what is stored for users/octocat
      caused by: could not ask api.github.com
      caused by: nothing is stored for this request (only-if-cached)

    hint: answers are stored by a daemon (`gh-mesh serve`) that was asked the same before, with the same token
    ");
    insta::assert_snapshot!(shown(&world, &["cache", "show", "rate_limit"]).await, @r"
    exit 5
    --- stdout

    --- stderr
    error: could not show what is stored for rate_limit
      caused by: answers for this path are never stored
    ");
    assert_eq!(world.standin.counters().requests, 0);
    world.run(&["api", "users/octocat"]).await.good();
    let mut neutral = insta::Settings::clone_current();
    neutral.add_filter(r"age     \d+ s", "age     [AGE]");
    neutral.add_filter(r"ttl=\d+", "ttl=[TTL]");
    let run = shown(&world, &["cache", "show", "users/octocat"]).await;
    neutral.bind(|| {
        insta::assert_snapshot!(run, @r#"
    exit 0
    --- stdout
    status  200
    age     [AGE]
    from    gh-mesh; hit; ttl=[TTL]; detail=memory
    etag    W/"0dffb13268b5c23ff9e458c15fb05705327233c2a8d02cc5bdf5628eff210132"
    body    1.1 KiB, application/json; charset=utf-8
    --- stderr
    "#);
    });
    let json = world
        .run(&["cache", "show", "users/octocat", "--json"])
        .await
        .good()
        .json();
    assert_eq!(
        (&json["version"], &json["status"]),
        (&1.into(), &200.into())
    );
    assert_eq!(world.standin.counters().requests, 1);
}

#[tokio::test]
async fn what_is_dropped_is_asked_for_again() {
    let world = World::new().await;
    let _daemon = world.serve(&[]).await;
    let paths = [
        "repos/octo-org/public-1",
        "repos/octo-org/public-2",
        "users/octocat",
    ];
    for path in paths {
        world.run(&["api", path]).await.good();
    }
    insta::assert_snapshot!(shown(&world, &["cache", "invalidate", "octo-org/public-1"]).await, @r"
    exit 0
    --- stdout
    dropped 2 entries in memory, and what there was of them on disk
    --- stderr
    ");
    let kept = async |path| world.run(&["cache", "show", path]).await.code == Some(0);
    assert!(!kept(paths[0]).await);
    assert!(kept(paths[1]).await, "another repository stays");
    insta::assert_snapshot!(shown(&world, &["cache", "clear"]).await, @r"
    exit 0
    --- stdout
    dropped 1 entry in memory, and what there was of them on disk
    --- stderr
    ");
    assert!(!kept(paths[1]).await);
    insta::assert_snapshot!(shown(&world, &["cache", "invalidate", "/"]).await, @r"
    exit 2
    --- stdout

    --- stderr
    error: the path is empty

    hint: `gh-mesh cache clear` drops everything
    ");
}

#[tokio::test]
async fn nothing_can_be_dropped_without_a_daemon() {
    let world = World::new().await;
    insta::assert_snapshot!(shown(&world, &["cache", "clear"]).await, @r"
    exit 1
    --- stdout

    --- stderr
    error: could not drop what is stored
      caused by: no daemon listens on [DIR]/cache/gh-mesh.sock

    hint: `gh-mesh serve` runs one; `--socket` names the socket of one that runs elsewhere
    hint: without a daemon, what is on disk can be deleted: responses.db* in the cache directory
    ");
}

#[tokio::test]
async fn paths_are_explained_without_sending() {
    let mut world = World::new().await;
    insta::assert_snapshot!(shown(&world, &["explain", "repos/octocat/hello-world?b=1&a=2"]).await, @r"
    exit 0
    --- stdout
    GET https://api.github.com/repos/octocat/hello-world?a=2&b=1
    class         ordinary: everything that is not named
    fresh         60 s
    then          240 s more, while one free request revalidates it behind
    GitHub fails  served for 86400 s past its freshness, labelled as stale
    at most       no cap; a daemon that a command started revalidates after 5 s
    belongs to    the credential that it was fetched with, and no other
    sealed for    members of the fleet that hold that credential
    question      b4b52696de386729
    --- stderr
    ");
    insta::assert_snapshot!(shown(&world, &["explain", "rate_limit"]).await, @r"
    exit 0
    --- stdout
    GET https://api.github.com/rate_limit
    class  never-stored: logs, artifacts, secrets, and answers about the caller's budget
    kept   no, answers of this class are never stored: it is passed on untouched
    --- stderr
    ");
    insta::assert_snapshot!(shown(&world, &["explain", "repos/o/r/actions/runs", "--json", "--anonymous"]).await, @r#"
    exit 0
    --- stdout
    {"version":1,"method":"GET","target":"/repos/o/r/actions/runs","class":"activity","passed_because":null,"fresh_s":60.0,"stale_while_revalidate_s":0.0,"stale_if_error_s":86400.0,"states_own_lifetime":false,"audience":"anonymous","leaves_machine_for":"fleet","question":"13d55da5d2f4a949"}
    --- stderr
    "#);
    insta::assert_snapshot!(shown(&world, &["explain", "user", "-H", "nonsense"]).await, @r#"
    exit 2
    --- stdout

    --- stderr
    error: could not explain "user"
      caused by: a header is not of the form `Name: value`
    "#);
    world.set("CACHE_MAX_AGE", "7");
    insta::assert_snapshot!(shown(&world, &["explain", "repos/o/r/rulesets"]).await, @r"
    exit 0
    --- stdout
    GET https://api.github.com/repos/o/r/rulesets
    class         access: permissions, protection, rulesets, environments; never served stale
    fresh         7 s
    then          revalidated first
    GitHub fails  the failure is passed on
    belongs to    the credential that it was fetched with, and no other
    sealed for    members of the fleet that hold that credential
    question      d33e237a3cd59956
    --- stderr
    ");
    assert_eq!(world.standin.counters().requests, 0);
}
