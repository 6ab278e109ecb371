//! `repo list`, `stats`, `peers`, `id`.

use serde_json::json;
use standin::Token;

use crate::support::World;

#[tokio::test]
async fn repositories_are_listed_for_people_and_programs() {
    let world = World::new().await;
    let mut neutral = insta::Settings::clone_current();
    neutral.add_filter(r"about \d+ \w+ ago|less than a minute ago", "[AGE]");
    let run = world.run(&["repo", "list", "octo-org"]).await;
    neutral.bind(|| {
        insta::assert_snapshot!(run.shown(), @r"
    exit 0
    --- stdout
    NAME               DESCRIPTION                  VISIBILITY  UPDATED
    octo-org/public-2  Repository about the socket  public      [AGE]
    octo-org/public-1  Repository about the merge   public      [AGE]
    --- stderr
    ");
    });
    let run = world
        .run(&[
            "repo",
            "list",
            "octo-org",
            "--json",
            "full_name,private,owner",
        ])
        .await;
    insta::assert_snapshot!(run.shown(), @r#"
    exit 0
    --- stdout
    [{"full_name":"octo-org/public-2","private":false,"owner":"octo-org"},{"full_name":"octo-org/public-1","private":false,"owner":"octo-org"}]
    --- stderr
    "#);
    let all = world
        .run(&["repo", "list", "octo-org", "--json"])
        .await
        .good()
        .json();
    assert_eq!(all[0]["visibility"], "public");
    let own = world
        .run(&["repo", "list", "--json", "full_name"])
        .await
        .good()
        .json();
    assert!(
        own.as_array()
            .unwrap()
            .contains(&json!({"full_name": "octocat/private-notes"})),
        "{own}"
    );
}

#[tokio::test]
async fn as_many_pages_are_asked_for_as_the_limit_needs() {
    let world = World::new().await;
    for (limit, n_pages) in [("5", 1), ("100", 1), ("150", 2), ("1000", 3)] {
        world.standin.reset_counters();
        let listed = world
            .run(&[
                "repo",
                "list",
                "octo-many",
                "--limit",
                limit,
                "--json",
                "name",
            ])
            .await
            .good()
            .json();
        assert_eq!(
            listed.as_array().unwrap().len(),
            limit.parse().unwrap_or(260).min(260)
        );
        assert_eq!(
            world.standin.counters().requests,
            n_pages,
            "--limit {limit}"
        );
    }
}

#[tokio::test]
async fn who_does_not_exist_and_who_may_not_ask_are_named() {
    let mut world = World::new().await;
    insta::assert_snapshot!(world.run(&["repo", "list", "nobody-at-all"]).await.shown(), @r"
    exit 1
    --- stdout

    --- stderr
    error: could not list repositories of nobody-at-all
      caused by: Not Found (HTTP 404)
    ");
    world.unset("GH_TOKEN");
    insta::assert_snapshot!(world.run(&["repo", "list", "octocat"]).await.shown(), @r"
    exit 4
    --- stdout

    --- stderr
    error: there is no GitHub token

    hint: set GH_TOKEN, or log in with `gh auth login`
    hint: `--anonymous` asks without one
    ");
    world
        .run(&["repo", "list", "octocat", "--anonymous"])
        .await
        .good();
}

#[tokio::test]
async fn stats_have_all_documented_fields() {
    let world = World::new().await;
    let daemon = world.serve(&[]).await;
    for _ in 0..3 {
        world.run(&["api", "users/octocat"]).await.good();
    }
    let run = world.run(&["stats", "--json"]).await.good();
    let stats = run.json();
    let fields = "total_requests hits local_hits peer_hits collapsed revalidated proved misses stale_served bypassed \
                  hit_rate api_calls_made api_calls_charged api_calls_saved entries max_entries bytes evictions \
                  expirations refused_connections p2p_enabled peer_id connected_peers listen_addrs cache_dir rate_limits";
    for field in fields.split_whitespace() {
        assert!(stats.get(field).is_some(), "{field} is missing in {stats}");
    }
    assert_eq!(
        (
            &stats["total_requests"],
            &stats["local_hits"],
            &stats["api_calls_made"]
        ),
        (&json!(3), &json!(2), &json!(1))
    );
    let (head, page) =
        crate::support::get(&format!("{}/.gh-mesh/stats", daemon.address("http")), &[]).await;
    assert_eq!(head.status, 200);
    // What is on disk is written behind the answers, and may be counted before and after.
    let without_disk = |mut stats: serde_json::Value| {
        for field in ["disk_entries", "disk_bytes"] {
            stats[field] = serde_json::Value::Null;
        }
        stats
    };
    assert_eq!(
        without_disk(serde_json::from_slice(&page).unwrap()),
        without_disk(stats)
    );
    let shown = world.neutral(&world.run(&["stats"]).await.shown());
    let mut neutral = insta::Settings::clone_current();
    neutral.add_filter(r"\d+\.\d KiB", "[SIZE]");
    neutral.add_filter(r"reset in \d+ min", "reset in [MINUTES]");
    neutral.bind(|| {
        insta::assert_snapshot!(shown, @r"
    exit 0
    --- stdout
    requests            3     66.7% answered without asking GitHub
      local hits        2
      peer hits         0
      collapsed         0     waited for another's request
      revalidated       0     304, free
      proved            0     304 for another audience's body, free
      misses            1
      bypassed          0     not cacheable
      stale served      0
    requests to GitHub  1     1 charged, 2 saved
    entries in memory   1     of 1000, [SIZE]
      evicted           0
      expired           0
    peers               0     the fleet is off
    left of core        4999  of 5000, reset in [MINUTES]
    cache directory  [DIR]/cache
    --- stderr
    ");
    });
}

#[tokio::test]
async fn what_only_a_daemon_knows_is_not_to_be_had_without_one() {
    let world = World::new().await;
    insta::assert_snapshot!(world.neutral(&world.run(&["stats", "--json"]).await.shown()), @r"
    exit 1
    --- stdout

    --- stderr
    error: could not read the daemon's stats
      caused by: no daemon listens on [DIR]/cache/gh-mesh.sock

    hint: `gh-mesh serve` runs one; `--socket` names the socket of one that runs elsewhere
    ");
    insta::assert_snapshot!(world.neutral(&world.run(&["peers"]).await.shown()), @r"
    exit 1
    --- stdout

    --- stderr
    error: could not read the daemon's peers
      caused by: no daemon listens on [DIR]/cache/gh-mesh.sock

    hint: `gh-mesh serve` runs one; `--socket` names the socket of one that runs elsewhere
    ");
}

#[tokio::test]
async fn a_node_has_the_same_name_with_and_without_a_daemon() {
    let mut world = World::new().await;
    let alone = world.run(&["id", "--json"]).await.good().json();
    assert_eq!(alone["addrs"], json!([]));
    world.set("CACHE_ENABLE_P2P", "true");
    world.set("CACHE_P2P_LISTEN", "/ip4/127.0.0.1/tcp/0");
    let daemon = world.serve(&[]).await;
    let running = world.run(&["id", "--json"]).await.good().json();
    assert_eq!(running["peer_id"], alone["peer_id"]);
    assert_eq!(running["addrs"][0], daemon.address("p2p"));
    assert!(daemon.address("p2p").starts_with("/ip4/127.0.0.1/tcp/"));
    assert_eq!(world.run(&["peers", "--json"]).await.good().text(), "[]\n");
    let plain = world.run(&["id"]).await.good().text();
    assert_eq!(plain.lines().next(), running["peer_id"].as_str());
}

#[tokio::test]
async fn two_daemons_of_one_fleet_list_each_other() {
    let mut world = World::new().await;
    world.set("CACHE_ENABLE_P2P", "true");
    world.set("CACHE_P2P_LISTEN", "/ip4/127.0.0.1/tcp/0");
    let first = world.serve(&[]).await;
    let second = (world.path("second/cache"), world.path("second/state"));
    let places = ["--cache-dir", &second.0, "--state-dir", &second.1];
    let with_bootstrap: Vec<&str> = places
        .into_iter()
        .chain(["--bootstrap", first.address("p2p")])
        .collect();
    let _second = world.serve(&with_bootstrap).await;
    // The connection is made behind the start; asking again is what waits for it.
    let peers = loop {
        let peers = world
            .run(&[&["peers", "--json"], &places[..]].concat())
            .await
            .good()
            .json();
        if peers.as_array().is_some_and(|peers| !peers.is_empty()) {
            break peers;
        }
    };
    let first_id = world.run(&["id", "--json"]).await.good().json();
    assert_eq!(peers[0]["peer_id"], first_id["peer_id"]);
    for field in ["addrs", "rtt_ms", "agent", "since"] {
        assert!(
            peers[0].get(field).is_some(),
            "{field} is missing in {peers}"
        );
    }
    let table = world.run(&["peers"]).await.good().text();
    assert!(table.starts_with("PEER"), "{table}");
    assert_eq!(
        Token::OCTOCAT.len(),
        40,
        "long enough to be the fleet's secret"
    );
}
