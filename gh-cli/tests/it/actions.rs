//! `run`, `runner` and `repo view`.

use crate::support::World;

fn neutral() -> insta::Settings {
    let mut neutral = insta::Settings::clone_current();
    neutral.add_filter(r"about \d+ \w+ ago|less than a minute ago", "[AGE]");
    neutral
}

async fn shown(world: &World, args: &[&str]) -> String {
    world.neutral(&world.run(args).await.shown())
}

#[tokio::test]
async fn runs_are_listed_and_shown() {
    let world = World::new().await;
    let repo = ["-R", "octo-org/public-1"];
    let list = [&["run", "list", "-L", "3"], &repo[..]].concat();
    let run = shown(&world, &list).await;
    neutral().bind(|| {
        insta::assert_snapshot!(run, @r"
        exit 0
        --- stdout
        STATUS       TITLE                    WORKFLOW  BRANCH            EVENT         ID       STARTED
        queued       branch: change number 0  CI        main              schedule      5000456  [AGE]
        in_progress  header: change number 1  Release   feature/token-1   pull_request  5000460  [AGE]
        success      page: change number 2    CI        feature/branch-2  pull_request  5000464  [AGE]
        --- stderr
        ");
    });
    let json = [&["run", "list", "--json", "id,status,actor"], &repo[..]].concat();
    let runs = world.run(&json).await.good().json();
    assert!(runs[0]["actor"].is_string(), "{runs}");
    let id = runs[0]["id"].to_string();
    let view = [&["run", "view", &id], &repo[..]].concat();
    let run = shown(&world, &view).await;
    neutral().bind(|| {
        insta::assert_snapshot!(run, @r"
        exit 0
        --- stdout
        branch: change number 0 · CI
        queued, attempt 1, by schedule on main, [AGE]
        https://github.com/octo-org/public-1/actions/runs/5000456

        STATUS  JOB    RUNNER  ID       STARTED
        queued  build          5000457  [AGE]
        queued  test           5000458  [AGE]
        --- stderr
        ");
    });
    let with_jobs = world
        .run(&[&view[..], &["--json", "id"]].concat())
        .await
        .good()
        .json();
    assert_eq!(with_jobs["id"].to_string(), id);
    assert!(with_jobs["jobs"].is_array());
    let failed = [&["run", "failed", "--json", "conclusion"], &repo[..]].concat();
    let failed = world.run(&failed).await.good().json();
    assert!(
        failed
            .as_array()
            .unwrap()
            .iter()
            .all(|run| run["conclusion"] == "failure"),
        "{failed}"
    );
    insta::assert_snapshot!(shown(&world, &["run", "view", "1", "-R", "octo-org/public-1"]).await, @r"
    exit 1
    --- stdout

    --- stderr
    error: could not show workflow run 1 of octo-org/public-1
      caused by: Not Found (HTTP 404)
    ");
    insta::assert_snapshot!(shown(&world, &["run", "list", "--json", "nonsense"]).await, @r#"
    exit 2
    --- stdout

    --- stderr
    error: "nonsense" is no field of a workflow run

    hint: fields are actor, conclusion, created_at, display_title, event, head_branch, head_sha, html_url, id, name, path, run_attempt, run_number, run_started_at, status, updated_at, url, workflow_id
    hint: put what is listed in front of a `--json` without fields
    "#);
    insta::assert_snapshot!(shown(&world, &["run", "list", "-R", "nonsense"]).await, @r#"
    exit 2
    --- stdout

    --- stderr
    error: "nonsense" is not OWNER/REPO
    "#);
    insta::assert_snapshot!(shown(&world, &["run", "list"]).await, @r"
    exit 1
    --- stdout

    --- stderr
    error: could not tell which repository is meant
      caused by: no git remote around names one

    hint: set GH_REPO=OWNER/REPO, or name the repository
    ");
}

#[tokio::test]
async fn runners_are_listed() {
    let world = World::new().await;
    insta::assert_snapshot!(shown(&world, &["runner", "list", "-R", "octo-org/public-1"]).await, @r"
    exit 0
    --- stdout
    NAME      STATUS        OS     LABELS                 ID
    runner-1  online, busy  Linux  self-hosted,Linux,X64  5000007
    runner-2  online        Linux  self-hosted,Linux,X64  5000008
    runner-3  online        Linux  self-hosted,Linux,X64  5000009
    runner-4  offline       Linux  self-hosted,Linux,X64  5000010
    --- stderr
    ");
    let run = world
        .run(&["runner", "list", "--org", "octo-org", "--json"])
        .await
        .good()
        .json();
    assert!(run.is_array(), "{run}");
    insta::assert_snapshot!(shown(&world, &["runner", "list", "--org", "nobody"]).await, @r"
    exit 1
    --- stdout

    --- stderr
    error: could not list runners of nobody
      caused by: Not Found (HTTP 404)
    ");
}

#[tokio::test]
async fn a_repository_is_shown() {
    let world = World::new().await;
    let run = shown(&world, &["repo", "view", "octo-org/public-1"]).await;
    neutral().bind(|| {
        insta::assert_snapshot!(run, @r"
        exit 0
        --- stdout
        octo-org/public-1
        Repository about the merge

        visibility      public
        default branch  main
        language        TypeScript
        stars           1
        forks           1
        open issues     107
        pushed          [AGE]
        page            https://github.com/octo-org/public-1
        --- stderr
        ");
    });
    insta::assert_snapshot!(shown(&world, &["repo", "view", "octo-org/public-1", "--json", "full_name,visibility,owner"]).await, @r#"
    exit 0
    --- stdout
    {"full_name":"octo-org/public-1","visibility":"public","owner":"octo-org"}
    --- stderr
    "#);
    insta::assert_snapshot!(shown(&world, &["repo", "view", "octo-org/nothing"]).await, @r"
    exit 1
    --- stdout

    --- stderr
    error: could not show octo-org/nothing
      caused by: Not Found (HTTP 404)
    ");
}
