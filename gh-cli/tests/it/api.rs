//! `api`, in all its forms, against the bytes that the stand-in sends.

use standin::{Fault, FaultKind, Token};

use crate::support::{Run, World};

/// Runs `api` in this process and over a daemon's socket, and expects the same of both.
async fn both(world: &World, args: &[&str]) -> Run {
    let args: Vec<&str> = ["api"].iter().chain(args).copied().collect();
    let alone = world.run(&[&args[..], &["--no-daemon"]].concat()).await;
    let over_socket = world.run(&args).await;
    assert_eq!(alone.code, over_socket.code, "{alone:?}\n{over_socket:?}");
    assert_eq!(
        String::from_utf8_lossy(&alone.stdout),
        String::from_utf8_lossy(&over_socket.stdout),
        "{args:?}"
    );
    over_socket
}

#[tokio::test]
async fn bodies_are_printed_as_they_came() {
    let world = World::new().await;
    let _daemon = world.serve(&[]).await;
    for path in [
        "users/octocat",
        "repos/octo-org/private-1",
        "repos/octo-org/public-1/issues?per_page=5",
        "zen",
    ] {
        let run = both(&world, &[path]).await.good();
        assert_eq!(run.stdout, world.direct(path).await, "{path}");
        assert_eq!(run.stderr, "", "{path}");
    }
}

#[tokio::test]
async fn a_daemon_asks_once_and_a_process_each_time() {
    let world = World::new().await;
    for _ in 0..2 {
        world.run(&["api", "users/octocat"]).await.good();
    }
    assert_eq!(world.standin.counters().requests, 2);
    world.standin.reset_counters();
    let _daemon = world.serve(&[]).await;
    for _ in 0..3 {
        world.run(&["api", "/users/octocat"]).await.good();
    }
    assert_eq!(world.standin.counters().requests, 1);
}

#[tokio::test]
async fn pages_are_printed_one_after_another() {
    let world = World::new().await;
    let _daemon = world.serve(&[]).await;
    let mut expected = Vec::new();
    for page in 1..=3 {
        expected.extend(
            world
                .direct(&format!("users/octo-many/repos?per_page=100&page={page}"))
                .await,
        );
    }
    let run = both(&world, &["--paginate", "users/octo-many/repos"])
        .await
        .good();
    assert!(
        run.stdout == expected,
        "the three pages differ from those of the stand-in"
    );
    let names = both(
        &world,
        &[
            "--paginate",
            "users/octo-many/repos?per_page=50",
            "-q",
            ".[].name",
        ],
    )
    .await
    .good();
    assert_eq!(names.text().lines().count(), 260);
    let slurped = both(&world, &["--paginate", "--slurp", "users/octo-many/repos"])
        .await
        .good()
        .json();
    let sizes: Vec<_> = slurped
        .as_array()
        .unwrap()
        .iter()
        .map(|page| page.as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [100, 100, 60]);
}

#[tokio::test]
async fn fields_make_queries_or_bodies() {
    let world = World::new().await;
    let _daemon = world.serve(&[]).await;
    let run = both(
        &world,
        &[
            "-X",
            "GET",
            "search/repositories",
            "-f",
            "q=octo",
            "-F",
            "per_page=2",
            "-q",
            ".items | length",
        ],
    );
    assert_eq!(run.await.good().text(), "2\n");
    let create = [
        "repos/octo-org/public-1/issues",
        "-f",
        "title=x y",
        "-F",
        "labels[]=bug",
        "-q",
        ".title, .labels[0].name",
    ];
    let run = world.run(&[&["api"], &create[..]].concat()).await.good();
    assert_eq!(run.text(), "x y\nbug\n");
    assert_eq!(
        world
            .standin
            .counters()
            .count("POST", "/repos/{owner}/{repo}/issues"),
        1
    );
    let body = world.path("body.json");
    std::fs::write(&body, r#"{"title":"from a file"}"#).unwrap();
    let run = world
        .run(&[
            "api",
            "repos/octo-org/public-1/issues",
            "--input",
            &body,
            "-q",
            ".title",
        ])
        .await
        .good();
    assert_eq!(run.text(), "from a file\n");
    let args = [
        "api",
        "repos/octo-org/public-1/issues",
        "--input",
        "-",
        "-q",
        ".title",
    ];
    let run = world
        .run_with_input(&args, Some(br#"{"title":"from input"}"#))
        .await
        .good();
    assert_eq!(run.text(), "from input\n");
}

#[tokio::test]
async fn graphql_takes_variables_and_its_errors_are_errors() {
    let world = World::new().await;
    let _daemon = world.serve(&[]).await;
    let query = "query=query($login: String!) { user(login: $login) { login } }";
    let run = both(
        &world,
        &[
            "graphql",
            "-f",
            query,
            "-F",
            "login=octocat",
            "-q",
            ".data.user.login",
        ],
    )
    .await
    .good();
    assert_eq!(run.text(), "octocat\n");
    let run = both(
        &world,
        &["graphql", "-f", "query=query { nothing_like_it }"],
    )
    .await;
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.starts_with("gh-mesh: "), "{run:?}");
    assert!(run.json()["errors"].is_array());
}

#[tokio::test]
async fn include_shows_status_headers_and_how_the_cache_answered() {
    let world = World::new().await;
    let _daemon = world.serve(&[]).await;
    world.run(&["api", "zen"]).await.good();
    let run = world.run(&["api", "zen", "--include"]).await.good();
    let text = run.text();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\n"), "{head}");
    assert!(head.contains("Cache-Status: gh-mesh; hit; ttl="), "{head}");
    let names: Vec<_> = head
        .lines()
        .skip(1)
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    let silent = world.run(&["api", "zen", "--silent"]).await.good();
    assert_eq!(silent.text(), "");
}

#[tokio::test]
async fn cache_says_how_old_an_answer_may_be() {
    let world = World::new().await;
    let _daemon = world.serve(&["--default-ttl", "600"]).await;
    for (args, n_requests) in [
        (&["--cache", "1h"][..], 1),
        (&["--cache", "1h"], 1),
        (&["-H", "Cache-Control: no-cache"], 2),
    ] {
        world
            .run(&[&["api", "users/octocat"], args].concat())
            .await
            .good();
        assert_eq!(world.standin.counters().requests, n_requests, "{args:?}");
    }
}

#[tokio::test]
async fn placeholders_stand_for_the_repository() {
    let mut world = World::new().await;
    world.set("GH_REPO", "octo-org/public-1");
    let run = world
        .run(&["api", "repos/{owner}/{repo}", "-q", ".full_name"])
        .await
        .good();
    assert_eq!(run.text(), "octo-org/public-1\n");
    world.unset("GH_REPO");
    insta::assert_snapshot!(world.run(&["api", "repos/{owner}/{repo}"]).await.shown(), @r"
    exit 1
    --- stdout

    --- stderr
    error: could not tell which repository is meant
      caused by: no git remote around names one

    hint: set GH_REPO=OWNER/REPO, or name the repository
    ");
}

#[tokio::test]
async fn refusals_have_their_bodies_messages_and_codes() {
    let world = World::new().await;
    let _daemon = world.serve(&[]).await;
    insta::assert_snapshot!(both(&world, &["repos/octo-org/nothing"]).await.shown(), @r#"
    exit 1
    --- stdout
    {"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}
    --- stderr
    gh-mesh: Not Found (HTTP 404)
    "#);
    insta::assert_snapshot!(both(&world, &["user", "-H", "Authorization: Bearer unknown"]).await.shown(), @r#"
    exit 4
    --- stdout
    {"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}
    --- stderr
    gh-mesh: Bad credentials (HTTP 401)

    hint: GH_TOKEN holds the token that is sent; `gh auth login` makes a new one
    "#);
    world.standin.set_remaining("octocat", "core", 0);
    let run = both(&world, &["users/octocat"]).await;
    assert_eq!(run.code, Some(6), "{run:?}");
    assert!(run.stderr.contains("rate limit"), "{run:?}");
}

#[tokio::test]
async fn without_a_token_nothing_is_asked_unless_told_so() {
    let mut world = World::new().await;
    world.unset("GH_TOKEN");
    insta::assert_snapshot!(world.run(&["api", "users/octocat"]).await.shown(), @r"
    exit 4
    --- stdout

    --- stderr
    error: there is no GitHub token

    hint: set GH_TOKEN, or log in with `gh auth login`
    hint: `--anonymous` asks without one
    ");
    assert_eq!(world.standin.counters().requests, 0);
    world
        .run(&["api", "users/octocat", "--anonymous"])
        .await
        .good();
    let own = format!("Authorization: token {}", Token::HUBOT);
    assert_eq!(
        world
            .run(&["api", "user", "-H", &own, "-q", ".login"])
            .await
            .good()
            .text(),
        "hubot\n"
    );
}

#[tokio::test]
async fn the_token_of_gh_is_used_where_the_environment_has_none() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut world = World::new().await;
    world.unset("GH_TOKEN");
    let bin = world.dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\n[ \"$*\" = 'auth token' ] && echo {}\n",
        Token::HUBOT
    );
    std::fs::write(bin.join("gh"), script).unwrap();
    std::fs::set_permissions(bin.join("gh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    world.set("PATH", bin.to_str().unwrap());
    assert_eq!(
        world
            .run(&["api", "user", "-q", ".login"])
            .await
            .good()
            .text(),
        "hubot\n"
    );
}

#[tokio::test]
async fn a_github_that_is_down_ends_with_5_or_with_what_is_stored() {
    let world = World::new().await;
    // Stale at once, so that GitHub has to be asked.
    let _daemon = world.serve(&["--max-age", "0"]).await;
    let before = world.run(&["api", "users/octocat"]).await.good();
    world.standin.set_down(true);
    let stale = world.run(&["api", "users/octocat"]).await.good();
    assert_eq!(stale.stdout, before.stdout);
    assert!(
        stale
            .stderr
            .starts_with("gh-mesh: GitHub gave no answer; this is a stored answer"),
        "{stale:?}"
    );
    insta::assert_snapshot!(world.run(&["api", "users/hubot"]).await.shown(), @r"
    exit 5
    --- stdout

    --- stderr
    error: could not ask api.github.com
      caused by: GitHub gave no answer, and nothing is stored

    hint: answers are stored by a daemon (`gh-mesh serve`) that was asked the same before, with the same token
    ");
    let alone = world.run(&["api", "users/hubot", "--no-daemon"]).await;
    assert_eq!(
        (alone.code, alone.text().as_str()),
        (Some(5), ""),
        "{alone:?}"
    );
    assert!(
        alone
            .stderr
            .starts_with("error: could not ask api.github.com\n  caused by: "),
        "{alone:?}"
    );
}

#[tokio::test]
async fn a_server_error_of_github_is_its_own() {
    let world = World::new().await;
    world
        .standin
        .set_fault(Fault::new(FaultKind::Status { status: 503 }));
    let run = world.run(&["api", "users/octocat"]).await;
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.stderr.contains("(HTTP 503)") || run.stderr.contains("HTTP 503"),
        "{run:?}"
    );
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_command_quietly() {
    let world = World::new().await;
    let mut child = world
        .command(&["api", "--paginate", "users/octo-many/repos"])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}

#[tokio::test]
async fn other_hosts_are_not_asked_and_never_see_the_token() {
    let world = World::new().await;
    let _daemon = world.serve(&[]).await;
    let run = both(&world, &["https://example.com/user"]).await;
    assert_eq!(run.code, Some(1), "{run:?}");
    let run = world.run(&["api", "user", "--hostname", "ghe.corp"]).await;
    insta::assert_snapshot!(run.shown(), @r"
    exit 2
    --- stdout

    --- stderr
    error: ghe.corp is no host that is asked

    hint: name its API with `--api-url ghe.corp=https://ghe.corp/api/v3` or CACHE_API_URL
    ");
    let run = world
        .run(&[
            "api",
            &format!("{}/users/octocat", world.standin.http_url()),
            "-q",
            ".login",
        ])
        .await
        .good();
    assert_eq!(run.text(), "octocat\n");
}
