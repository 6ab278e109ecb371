//! `env` and `doctor`.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::World;

async fn shown(world: &World, args: &[&str]) -> String {
    world.neutral(&world.run(args).await.shown())
}

fn neutral() -> insta::Settings {
    let mut neutral = insta::Settings::clone_current();
    neutral.add_filter(r"(127\.0\.0\.1|\[::1\]):\d+", "$1:[PORT]");
    neutral.add_filter(r"\d+\.\d [KMGT]iB free", "[SIZE] free");
    neutral.add_filter(r"process \d+", "process [PID]");
    neutral.add_filter(r"\d+ of 5000", "[LEFT] of 5000");
    neutral
}

#[tokio::test]
async fn clients_are_pointed_at_the_doors_that_the_daemon_has() {
    let world = World::new().await;
    insta::assert_snapshot!(shown(&world, &["env"]).await, @r"
    exit 1
    --- stdout

    --- stderr
    error: could not say what clients need
      caused by: no daemon listens on [DIR]/cache/gh-mesh.sock

    hint: `gh-mesh serve` runs one; `--socket` names the socket of one that runs elsewhere
    ");
    let daemon = world.serve(&[]).await;
    let run = shown(&world, &["env"]).await;
    neutral().bind(|| {
        insta::assert_snapshot!(run, @r#"
        exit 0
        --- stdout
        # gh: gh config set http_unix_socket '[DIR]/cache/gh-mesh.sock'
        export GITHUB_API_URL='http://127.0.0.1:[PORT]'
        export GITHUB_GRAPHQL_URL='http://127.0.0.1:[PORT]/graphql'
        export GITHUB_BASE_URL='http://127.0.0.1:[PORT]/'
        # Octokit: new Octokit({ baseUrl: process.env.GITHUB_API_URL, auth })
        # PyGithub: Github(base_url=os.environ["GITHUB_API_URL"], auth=auth)
        # Terraform reads GITHUB_BASE_URL, or base_url of provider "github"
        --- stderr
        "#);
    });
    let lines = world.run(&["env", "--github-actions"]).await.good().text();
    let base = daemon.address("http");
    assert_eq!(
        lines,
        format!(
            "GITHUB_API_URL={base}\nGITHUB_GRAPHQL_URL={base}/graphql\nGITHUB_BASE_URL={base}/\n"
        )
    );
    daemon.stop().await;
    let _daemon = world.serve(&["--http", "off"]).await;
    insta::assert_snapshot!(shown(&world, &["env"]).await, @r"
    exit 0
    --- stdout
    # gh: gh config set http_unix_socket '[DIR]/cache/gh-mesh.sock'
    # no HTTP door is open; `gh-mesh serve` opens one
    --- stderr
    ");
    insta::assert_snapshot!(shown(&world, &["env", "--github-actions"]).await, @r"
    exit 1
    --- stdout

    --- stderr
    error: could not say what clients need
      caused by: the daemon has no HTTP door

    hint: `gh-mesh serve` opens one
    ");
}

#[tokio::test]
async fn doctor_finds_a_healthy_world_healthy() {
    let world = World::new().await;
    let run = shown(&world, &["doctor"]).await;
    neutral().bind(|| {
        insta::assert_snapshot!(run, @r"
        exit 0
        --- stdout
        ok  github           api.github.com answers
        ok  clock            as GitHub's
        ok  token            good, [LEFT] of 5000 requests left
        ok  daemon           none runs; a command starts one, and `gh-mesh serve` does
        ok  cache directory  [DIR]/cache is made on first use
        ok  state directory  [DIR]/state is made on first use
        ok  fleet            off, by CACHE_ENABLE_P2P
        --- stderr
        ");
    });
    let _daemon = world.serve(&[]).await;
    let run = shown(&world, &["doctor"]).await;
    neutral().bind(|| {
        insta::assert_snapshot!(run, @r"
        exit 0
        --- stdout
        ok  github           api.github.com answers
        ok  clock            as GitHub's
        ok  token            good, [LEFT] of 5000 requests left
        ok  daemon           runs, process [PID]
        ok  unix door        [DIR]/cache/gh-mesh.sock
        ok  http door        http://127.0.0.1:[PORT]
        ok  cache directory  [DIR]/cache, [SIZE] free
        ok  state directory  [DIR]/state, [SIZE] free
        ok  fleet            off, by CACHE_ENABLE_P2P
        --- stderr
        ");
    });
    let json = world.run(&["doctor", "--json"]).await.good().json();
    assert_eq!(json["version"], 1);
    for check in json["checks"].as_array().unwrap() {
        assert_eq!(check["result"], "ok", "{check}");
        assert!(
            check["name"].is_string() && check["message"].is_string() && check["to_do"].is_null()
        );
    }
}

#[tokio::test]
async fn doctor_says_what_is_wrong_and_what_to_do() {
    let mut world = World::new().await;
    world.set("GH_TOKEN", "ghp_0000000000000000000000000000000000bad");
    world.set("CACHE_ENABLE_P2P", "true");
    for (directory, mode) in [("cache", 0o755), ("state", 0o777)] {
        let path = world.path(directory);
        std::fs::create_dir_all(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    std::fs::write(world.path("cache/gh-mesh.sock"), "").unwrap();
    let run = shown(&world, &["doctor"]).await;
    neutral().bind(|| {
        insta::assert_snapshot!(run, @r"
        exit 1
        --- stdout
        ok    github           api.github.com answers
        ok    clock            as GitHub's
        FAIL  token            GitHub refuses it
                               -> it may have expired: make a new one, or `gh auth refresh`
        FAIL  daemon           [DIR]/cache/gh-mesh.sock is there and is no socket
                               -> move it away, or name another `--socket`
        warn  cache directory  [DIR]/cache: other users may look into it
                               -> chmod 700 [DIR]/cache
        FAIL  state directory  [DIR]/state: other users may write to it
                               -> chmod 700 [DIR]/state
        ok    fleet            of the holders of this GitHub token; only `gh-mesh serve` takes part
        --- stderr
        ");
    });
    world.standin.set_down(true);
    world.unset("GH_TOKEN");
    let run = shown(&world, &["doctor"]).await;
    neutral().bind(|| {
        insta::assert_snapshot!(run, @r"
        exit 1
        --- stdout
        FAIL  github           GitHub gave no answer: origin: no connection: client error (Connect): tcp connect error: Connection refused (os error 111)
                               -> look at the network, HTTPS_PROXY, CACHE_CA_FILE and CACHE_API_URL
        FAIL  daemon           [DIR]/cache/gh-mesh.sock is there and is no socket
                               -> move it away, or name another `--socket`
        warn  cache directory  [DIR]/cache: other users may look into it
                               -> chmod 700 [DIR]/cache
        FAIL  state directory  [DIR]/state: other users may write to it
                               -> chmod 700 [DIR]/state
        warn  fleet            alone: neither a fleet secret nor a GitHub token
                               -> set CACHE_P2P_SHARED_SECRET (`gh-mesh keygen` makes one) to the same value on every machine
        --- stderr
        ");
    });
}
