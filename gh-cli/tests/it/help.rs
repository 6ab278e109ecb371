//! Help, completions and manual pages.

use crate::support::World;

#[track_caller]
fn usage(args: &[&str]) -> String {
    // Neither the stand-in nor the runtime is needed, and help must not depend on the terminal.
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_gh-mesh"))
        .args(args)
        .env_clear()
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_lists_commands_and_exit_codes() {
    insta::assert_snapshot!(usage(&["--help"]), @r"
    Ask GitHub once per fleet

    A cache for the GitHub API that machines share: one upstream request per question, free
    revalidation, and answers when GitHub has none.

    Usage: gh-mesh [OPTIONS] <COMMAND>

    Commands:
      serve        Serve the cache on a unix socket and on loopback HTTP, and share it with the fleet
      api          Make an authenticated request to GitHub's API and print the answer
      repo         Look at repositories
      run          Look at workflow runs
      runner       Look at self-hosted runners
      stats        Show what the daemon's cache did since it started
      cache        Look at what is stored, and drop it
      explain      Explain what the cache makes of a path, without sending anything
      peers        List the members of the fleet that the daemon is connected to
      id           Show this node's name in the fleet, and where it can be dialed
      daemon       Look after the daemon that commands start
      setup        Have `gh` ask through the cache, from now on
      unset        Undo what `setup` did
      env          Print what points clients at the daemon's doors
      doctor       Check what gh-mesh depends on, and say what to do
      keygen       Make a secret for a fleet
      config       Show every setting and where it came from
      completions  Print the completions of a shell
      man          Print the manual page

    Options:
          --config <PATH>
              Read settings from this file [env: CACHE_CONFIG] [default: ~/.config/gh-mesh/config.toml]

      -v, --verbose...
              Log more; twice, most (can be repeated) [env: CACHE_LOG]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Exit codes: 0 done, 1 failed, 2 bad invocation, 4 needs authentication, 5 offline and not stored, 6
    rate limited, 130 interrupted
    ");
}

#[test]
fn help_of_serve() {
    insta::assert_snapshot!(usage(&["serve", "--help"]), @r"
    Serve the cache on a unix socket and on loopback HTTP, and share it with the fleet

    Prints one line for every address that is open, then `ready`; everything else goes to stderr:

      unix /home/me/.cache/github_cli/gh-mesh.sock
      http http://127.0.0.1:9180
      p2p /ip4/192.0.2.7/tcp/9000/p2p/12D3KooW…
      ready

    Point `gh` at the socket with `gh config set http_unix_socket PATH`, and clients that take a base
    URL at the HTTP address.

    SIGTERM and SIGINT end it: nothing more is accepted, requests in flight get 10 seconds, the fleet is
    left, the socket is removed, and the exit code is 0. A second signal ends it at once, with 1.

    Every setting is also a variable and a key of the settings file; `gh-mesh config` shows them.
    Secrets are never flags: CACHE_P2P_SHARED_SECRET, or the file that CACHE_P2P_SHARED_SECRET_FILE
    names, has the fleet's.

    Usage: gh-mesh serve [OPTIONS]

    Options:
          --config <PATH>
              Read settings from this file [env: CACHE_CONFIG] [default: ~/.config/gh-mesh/config.toml]

      -v, --verbose...
              Log more; twice, most (can be repeated) [env: CACHE_LOG]

      -h, --help
              Print help (see a summary with '-h')

    Settings:
          --cache-dir <DIR>
              Keep the database, and the socket unless told otherwise, here [env: CACHE_DIR] [default:
              ~/.cache/github_cli]

          --state-dir <DIR>
              Keep identity, disk key and lock here [env: CACHE_STATE_DIR]

          --socket <PATH>
              Path of the unix door [env: CACHE_SOCKET] [default: gh-mesh.sock in the cache directory]

          --api-url <ROOT>
              Ask this API, or HOST=ROOT for a further host (can be repeated) [env: CACHE_API_URL]
              [default: https://api.github.com]

          --p2p <BOOL>
              Share with the fleet [env: CACHE_ENABLE_P2P] [default: true]

          --share <HOW>
              Whether a stored body may serve another credential: token (never) or proved [env:
              CACHE_SHARE] [default: proved]

          --p2p-port <PORT>
              Listen for the fleet on this TCP port; 0 takes any [env: CACHE_LISTEN_PORT] [default:
              9000, else the next free]

          --p2p-listen <MULTIADDR>
              Listen for the fleet on this multiaddr instead (can be repeated) [env: CACHE_P2P_LISTEN]

          --bootstrap <MULTIADDR>
              Begin with this member of the fleet (can be repeated) [env: CACHE_BOOTSTRAP_PEERS]

          --mdns <BOOL>
              Find members on the local network [env: CACHE_MDNS] [default: true]

          --default-ttl <SECONDS>
              Take what nothing else is said of for fresh this long [env: CACHE_DEFAULT_TTL] [default:
              60, and while one request revalidates it, 300]

          --max-age <SECONDS>
              Serve nothing older without revalidation [env: CACHE_MAX_AGE]

          --stale-if-error <SECONDS>
              Stand in for a failing GitHub with answers up to this old [env: CACHE_STALE_IF_ERROR]
              [default: 86400]

          --max-entries <N>
              Keep this many entries in memory, and twenty times as many on disk [env: CACHE_MAX_SIZE]
              [default: 1000]

          --max-bytes <SIZE>
              Keep this much on disk [env: CACHE_MAX_BYTES] [default: 512MiB]

          --http <ADDRESS>
              Open the HTTP door here, or `off` (can be repeated) [env: CACHE_HTTP_LISTEN] [default:
              127.0.0.1:9180 and [::1]:9180]

          --allow-host <HOST>
              Serve requests that name this host, too; needed beyond loopback (can be repeated) [env:
              CACHE_HTTP_ALLOW_HOSTS]
    ");
}

#[test]
fn help_of_api() {
    insta::assert_snapshot!(usage(&["api", "--help"]), @r"
    Make an authenticated request to GitHub's API and print the answer

    Reads the flags of `gh api` and prints the same bytes. Answers come from the daemon's cache, from
    the fleet or from GitHub; `--include` shows in `Cache-Status` which. Without a daemon this process
    asks, and keeps nothing.

    The endpoint is a path of the REST API, or `graphql`. `{owner}`, `{repo}` and `{branch}` in it stand
    for the repository around, or the one that GH_REPO names.

    The token is GH_TOKEN or GITHUB_TOKEN, else what `gh auth token` prints. Without any the exit code
    is 4, unless `--anonymous` says that none is needed.

    Usage: gh-mesh api [OPTIONS] <ENDPOINT>

    Arguments:
      <ENDPOINT>
              Path of the REST API, or `graphql`

    Options:
      -X, --method <METHOD>
              Use this method [default: GET, or POST where there are fields or input]

      -f, --raw-field <KEY=VALUE>
              Add a parameter as text (can be repeated)

      -F, --field <KEY=VALUE>
              Add a typed parameter: true, false, null and whole numbers are themselves, @FILE is its
              text, KEY[PART] nests (can be repeated)

      -H, --header <NAME: VALUE>
              Add a header (can be repeated)

          --input <FILE>
              Send this file as the body; `-` is standard input

          --paginate
              Get all pages and print one after another

          --slurp
              Print all pages as one array of pages

      -q, --jq <FILTER>
              Print what this jq filter makes of the answer

      -i, --include
              Print status and headers, too

          --cache <DURATION>
              Accept an answer up to this old, such as 90s, 60m or 1h

          --silent
              Print no body

          --anonymous
              Ask without a token where there is none, which GitHub allows 60 times an hour

          --no-daemon
              Ask from this process, also where a daemon runs

          --hostname <HOST>
              Ask this GitHub host [env: GH_HOST] [default: github.com]

          --config <PATH>
              Read settings from this file [env: CACHE_CONFIG] [default: ~/.config/gh-mesh/config.toml]

      -v, --verbose...
              Log more; twice, most (can be repeated) [env: CACHE_LOG]

      -h, --help
              Print help (see a summary with '-h')

    Settings:
          --cache-dir <DIR>
              Keep the database, and the socket unless told otherwise, here [env: CACHE_DIR] [default:
              ~/.cache/github_cli]

          --state-dir <DIR>
              Keep identity, disk key and lock here [env: CACHE_STATE_DIR]

          --socket <PATH>
              Path of the unix door [env: CACHE_SOCKET] [default: gh-mesh.sock in the cache directory]

          --api-url <ROOT>
              Ask this API, or HOST=ROOT for a further host (can be repeated) [env: CACHE_API_URL]
              [default: https://api.github.com]

    Examples:
      gh-mesh api repos/{owner}/{repo}/releases
      gh-mesh api repos/octocat/hello-world/issues -f title='a bug' -F milestone=3
      gh-mesh api --paginate 'orgs/octo-org/repos?type=public' --jq '.[].full_name'
      gh-mesh api graphql -f query='query($login: String!) { user(login: $login) { name } }' -f
      login=octocat
    ");
}

#[test]
fn help_of_repo_list() {
    insta::assert_snapshot!(usage(&["repo", "list", "-h"]), @r"
    List the repositories of a user or an organization, last pushed first

    Usage: gh-mesh repo list [OPTIONS] [OWNER]

    Arguments:
      [OWNER]  Login of a user or an organization

    Options:
      -L, --limit <N>        List at most this many [default: 30]
          --json [<FIELDS>]  Print a JSON array; with these comma-separated fields only, or all of them
          --anonymous        Ask without a token where there is none, which GitHub allows 60 times an
                             hour
          --no-daemon        Ask from this process, also where a daemon runs
          --hostname <HOST>  Ask this GitHub host [env: GH_HOST] [default: github.com]
          --config <PATH>    Read settings from this file [env: CACHE_CONFIG] [default:
                             ~/.config/gh-mesh/config.toml]
      -v, --verbose...       Log more; twice, most (can be repeated) [env: CACHE_LOG]
      -h, --help             Print help (see more with '--help')

    Settings:
          --cache-dir <DIR>  Keep the database, and the socket unless told otherwise, here [env:
                             CACHE_DIR] [default: ~/.cache/github_cli]
          --state-dir <DIR>  Keep identity, disk key and lock here [env: CACHE_STATE_DIR]
          --socket <PATH>    Path of the unix door [env: CACHE_SOCKET] [default: gh-mesh.sock in the
                             cache directory]
          --api-url <ROOT>   Ask this API, or HOST=ROOT for a further host (can be repeated) [env:
                             CACHE_API_URL] [default: https://api.github.com]
    ");
}

#[test]
fn help_of_what_the_daemon_says() {
    insta::assert_snapshot!(usage(&["stats", "-h"]), @r"
    Show what the daemon's cache did since it started

    Usage: gh-mesh stats [OPTIONS]

    Options:
          --json           Print JSON, with counts, plain bytes, and instants in seconds since 1970
          --config <PATH>  Read settings from this file [env: CACHE_CONFIG] [default:
                           ~/.config/gh-mesh/config.toml]
      -v, --verbose...     Log more; twice, most (can be repeated) [env: CACHE_LOG]
      -h, --help           Print help

    Settings:
          --cache-dir <DIR>  Keep the database, and the socket unless told otherwise, here [env:
                             CACHE_DIR] [default: ~/.cache/github_cli]
          --state-dir <DIR>  Keep identity, disk key and lock here [env: CACHE_STATE_DIR]
          --socket <PATH>    Path of the unix door [env: CACHE_SOCKET] [default: gh-mesh.sock in the
                             cache directory]
          --api-url <ROOT>   Ask this API, or HOST=ROOT for a further host (can be repeated) [env:
                             CACHE_API_URL] [default: https://api.github.com]
    ");
    insta::assert_snapshot!(usage(&["peers", "-h"]), @r"
    List the members of the fleet that the daemon is connected to

    Usage: gh-mesh peers [OPTIONS]

    Options:
          --json           Print JSON: [{peer_id, addrs, rtt_ms, agent, since}], `since` in seconds
                           since 1970
          --config <PATH>  Read settings from this file [env: CACHE_CONFIG] [default:
                           ~/.config/gh-mesh/config.toml]
      -v, --verbose...     Log more; twice, most (can be repeated) [env: CACHE_LOG]
      -h, --help           Print help

    Settings:
          --cache-dir <DIR>  Keep the database, and the socket unless told otherwise, here [env:
                             CACHE_DIR] [default: ~/.cache/github_cli]
          --state-dir <DIR>  Keep identity, disk key and lock here [env: CACHE_STATE_DIR]
          --socket <PATH>    Path of the unix door [env: CACHE_SOCKET] [default: gh-mesh.sock in the
                             cache directory]
          --api-url <ROOT>   Ask this API, or HOST=ROOT for a further host (can be repeated) [env:
                             CACHE_API_URL] [default: https://api.github.com]
    ");
    insta::assert_snapshot!(usage(&["id", "-h"]), @r"
    Show this node's name in the fleet, and where it can be dialed

    Usage: gh-mesh id [OPTIONS]

    Options:
          --json           Print JSON: {peer_id, addrs}
          --config <PATH>  Read settings from this file [env: CACHE_CONFIG] [default:
                           ~/.config/gh-mesh/config.toml]
      -v, --verbose...     Log more; twice, most (can be repeated) [env: CACHE_LOG]
      -h, --help           Print help (see more with '--help')

    Settings:
          --cache-dir <DIR>  Keep the database, and the socket unless told otherwise, here [env:
                             CACHE_DIR] [default: ~/.cache/github_cli]
          --state-dir <DIR>  Keep identity, disk key and lock here [env: CACHE_STATE_DIR]
          --socket <PATH>    Path of the unix door [env: CACHE_SOCKET] [default: gh-mesh.sock in the
                             cache directory]
          --api-url <ROOT>   Ask this API, or HOST=ROOT for a further host (can be repeated) [env:
                             CACHE_API_URL] [default: https://api.github.com]
    ");
}

#[test]
fn help_of_the_rest() {
    insta::assert_snapshot!(usage(&["keygen", "--help"]), @r"
    Make a secret for a fleet

    Prints it. Every machine of the fleet gets the same one, as CACHE_P2P_SHARED_SECRET or in the file
    that CACHE_P2P_SHARED_SECRET_FILE names.

    Usage: gh-mesh keygen [OPTIONS]

    Options:
          --config <PATH>
              Read settings from this file [env: CACHE_CONFIG] [default: ~/.config/gh-mesh/config.toml]

      -v, --verbose...
              Log more; twice, most (can be repeated) [env: CACHE_LOG]

      -h, --help
              Print help (see a summary with '-h')
    ");
    insta::assert_snapshot!(usage(&["config", "-h"]).lines().take(8).collect::<Vec<_>>().join("\n"), @r"
    Show every setting and where it came from

    Usage: gh-mesh config [OPTIONS]

    Options:
          --json           Print JSON: {version, settings: [{name, value, source, from}]}
          --config <PATH>  Read settings from this file [env: CACHE_CONFIG] [default:
                           ~/.config/gh-mesh/config.toml]
    ");
    insta::assert_snapshot!(usage(&["completions", "-h"]), @r"
    Print the completions of a shell

    Usage: gh-mesh completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>  The shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
          --config <PATH>  Read settings from this file [env: CACHE_CONFIG] [default:
                           ~/.config/gh-mesh/config.toml]
      -v, --verbose...     Log more; twice, most (can be repeated) [env: CACHE_LOG]
      -h, --help           Print help (see more with '--help')
    ");
}

#[test]
fn completions_and_manual_name_every_command() {
    let (script, manual) = (usage(&["completions", "bash"]), usage(&["man"]));
    for command in [
        "serve",
        "api",
        "repo",
        "stats",
        "peers",
        "id",
        "keygen",
        "config",
        "completions",
        "man",
    ] {
        assert!(
            script.contains(&format!("gh__mesh__subcmd__{command}")),
            "{command} has no completions"
        );
        assert!(
            manual.contains(&format!("gh\\-mesh\\-{command}")),
            "{command} is not in the manual"
        );
    }
}

#[tokio::test]
async fn a_bad_invocation_ends_with_2() {
    let world = World::new().await;
    for (args, said) in [
        (
            &["serve", "--no-such-flag"][..],
            "unexpected argument '--no-such-flag'",
        ),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (
            &["serve", "--p2p-port", "70000"],
            "--p2p-port is \"70000\", which is not a whole number in range",
        ),
        (
            &["serve", "--p2p", "maybe"],
            "--p2p is \"maybe\", which is not true or false",
        ),
        (&["serve", "--http", "9180"], "--http is \"9180\""),
        (
            &["serve", "--api-url", "http://example.com"],
            "--api-url is \"http://example.com\"",
        ),
        (&["api"], "<ENDPOINT>"),
        (
            &["api", "zen", "--jq", ".["],
            "could not read the jq filter",
        ),
        (&["api", "zen", "-f", "x"], "requires a value"),
        (
            &["api", "zen", "-X", "POST", "--paginate"],
            "--paginate is for GET requests",
        ),
        (
            &["api", "zen", "--cache", "soon"],
            "--cache \"soon\" is no duration",
        ),
        (
            &["repo", "list", "--json", "octocat"],
            "\"octocat\" is no field",
        ),
        (&["repo", "list", "--limit", "0"], "invalid value '0'"),
    ] {
        let run = world.run(args).await;
        assert_eq!(run.code, Some(2), "{args:?}: {run:?}");
        assert!(run.stderr.contains(said), "{args:?}: {}", run.stderr);
        assert!(run.stdout.is_empty(), "{args:?}");
    }
}

/// Returns the short help of a command, without the flags that all of them share.
#[track_caller]
fn short(args: &[&str]) -> String {
    let help = usage(&[args, &["-h"]].concat());
    let own = help
        .lines()
        .take_while(|line| *line != "Settings:")
        .filter(|line| {
            let shared = ["--config <PATH>", "config.toml]", "--verbose"];
            !shared.iter().any(|part| line.contains(part))
        });
    own.collect::<Vec<_>>().join("\n")
}

#[test]
fn help_of_what_looks_after_the_daemon() {
    insta::assert_snapshot!(short(&["daemon"]), @r"
    Look after the daemon that commands start

    Usage: gh-mesh daemon [OPTIONS] <COMMAND>

    Commands:
      status  Show the daemon that listens on the socket
      stop    End it, when it has answered what it was asked
      logs    Print what daemons that commands started have logged

    Options:
      -h, --help           Print help (see more with '--help')
    ");
    insta::assert_snapshot!(short(&["setup"]), @r"
    Have `gh` ask through the cache, from now on

    Usage: gh-mesh setup [OPTIONS]

    Options:
          --dry-run        Print what would be done, and do nothing
      -h, --help           Print help (see more with '--help')
    ");
    insta::assert_snapshot!(short(&["unset"]), @r"
    Undo what `setup` did

    Usage: gh-mesh unset [OPTIONS]

    Options:
          --dry-run        Print what would be done, and do nothing
      -h, --help           Print help (see more with '--help')
    ");
    insta::assert_snapshot!(short(&["env"]), @r#"
    Print what points clients at the daemon's doors

    Usage: gh-mesh env [OPTIONS]

    Options:
          --github-actions  Print lines for the file of GitHub Actions: gh-mesh env --github-actions >>
                            "$GITHUB_ENV"
      -h, --help            Print help (see more with '--help')
    "#);
    insta::assert_snapshot!(short(&["doctor"]), @r"
    Check what gh-mesh depends on, and say what to do

    Usage: gh-mesh doctor [OPTIONS]

    Options:
          --json           Print JSON: {version, checks: [{name, result, message, to_do}]}
      -h, --help           Print help (see more with '--help')
    ");
}

#[test]
fn help_of_what_is_stored() {
    insta::assert_snapshot!(short(&["cache"]), @r"
    Look at what is stored, and drop it

    Usage: gh-mesh cache [OPTIONS] <COMMAND>

    Commands:
      show        Show what is stored for a path and your credential, without asking GitHub
      invalidate  Drop what a write to a path would spoil
      clear       Drop everything that is stored on this machine

    Options:
      -h, --help           Print help (see more with '--help')
    ");
    insta::assert_snapshot!(short(&["cache", "show"]), @r"
    Show what is stored for a path and your credential, without asking GitHub

    Usage: gh-mesh cache show [OPTIONS] <PATH>

    Arguments:
      <PATH>  Path, such as repos/octocat/hello-world

    Options:
          --json             Print JSON: {version, path, status, age_s, cache_status, etag,
                             content_type, size_bytes}
          --anonymous        Ask without a token where there is none, which GitHub allows 60 times an
                             hour
          --no-daemon        Ask from this process, also where a daemon runs
          --hostname <HOST>  Ask this GitHub host [env: GH_HOST] [default: github.com]
      -h, --help             Print help (see more with '--help')
    ");
    insta::assert_snapshot!(short(&["cache", "invalidate"]), @r"
    Drop what a write to a path would spoil

    Usage: gh-mesh cache invalidate [OPTIONS] <PATH|OWNER/REPO>

    Arguments:
      <PATH|OWNER/REPO>  Path, or OWNER/REPO

    Options:
          --hostname <HOST>  API host that the path is of [default: api.github.com]
      -h, --help             Print help (see more with '--help')
    ");
    insta::assert_snapshot!(short(&["explain"]), @r"
    Explain what the cache makes of a path, without sending anything

    Usage: gh-mesh explain [OPTIONS] <PATH>

    Arguments:
      <PATH>  Path with query, such as repos/octocat/hello-world/issues?state=open

    Options:
      -X, --method <METHOD>  Method of the request [default: GET]
      -H, --header <HEADER>  Header of the request, as `Name: value` (can be repeated)
          --anonymous        Explain it for somebody without a token
          --json             Print JSON: {version, method, target, class, passed_because, fresh_s,
                             stale_while_revalidate_s, stale_if_error_s, states_own_lifetime, audience,
                             leaves_machine_for, question}
      -h, --help             Print help (see more with '--help')
    ");
}

#[test]
fn help_of_what_asks_about_actions() {
    insta::assert_snapshot!(short(&["run", "list"]), @r"
    List workflow runs, latest first

    Usage: gh-mesh run list [OPTIONS]

    Options:
      -s, --status <STATUS>    Only runs with this status or conclusion, such as queued, `in_progress`,
                               failure, success
      -b, --branch <BRANCH>    Only runs of this branch
      -L, --limit <N>          List at most this many [default: 20]
          --json [<FIELDS>]    Print a JSON array; with these comma-separated fields only, or all of
                               them
      -R, --repo <OWNER/REPO>  Repository [env: GH_REPO] [default: that of the git repository around]
          --anonymous          Ask without a token where there is none, which GitHub allows 60 times an
                               hour
          --no-daemon          Ask from this process, also where a daemon runs
          --hostname <HOST>    Ask this GitHub host [env: GH_HOST] [default: github.com]
      -h, --help               Print help
    ");
    insta::assert_snapshot!(short(&["run", "view"]), @r"
    Show a workflow run and its jobs

    Usage: gh-mesh run view [OPTIONS] <ID>

    Arguments:
      <ID>  Number of the run, as `run list` shows it

    Options:
          --json [<FIELDS>]    Print JSON: the run, with these comma-separated fields only, or all of
                               them, and its `jobs`
      -R, --repo <OWNER/REPO>  Repository [env: GH_REPO] [default: that of the git repository around]
          --anonymous          Ask without a token where there is none, which GitHub allows 60 times an
                               hour
          --no-daemon          Ask from this process, also where a daemon runs
          --hostname <HOST>    Ask this GitHub host [env: GH_HOST] [default: github.com]
      -h, --help               Print help
    ");
    insta::assert_snapshot!(short(&["run", "failed"]), @r"
    List workflow runs that failed, latest first

    Usage: gh-mesh run failed [OPTIONS]

    Options:
      -b, --branch <BRANCH>    Only runs of this branch
      -L, --limit <N>          List at most this many [default: 20]
          --json [<FIELDS>]    Print a JSON array; with these comma-separated fields only, or all of
                               them
      -R, --repo <OWNER/REPO>  Repository [env: GH_REPO] [default: that of the git repository around]
          --anonymous          Ask without a token where there is none, which GitHub allows 60 times an
                               hour
          --no-daemon          Ask from this process, also where a daemon runs
          --hostname <HOST>    Ask this GitHub host [env: GH_HOST] [default: github.com]
      -h, --help               Print help
    ");
    insta::assert_snapshot!(short(&["runner", "list"]), @r"
    List the self-hosted runners of a repository or an organization

    Usage: gh-mesh runner list [OPTIONS]

    Options:
          --org <ORG>          Those of this organization
      -L, --limit <N>          List at most this many [default: 100]
          --json [<FIELDS>]    Print a JSON array; with these comma-separated fields only, or all of
                               them
      -R, --repo <OWNER/REPO>  Repository [env: GH_REPO] [default: that of the git repository around]
          --anonymous          Ask without a token where there is none, which GitHub allows 60 times an
                               hour
          --no-daemon          Ask from this process, also where a daemon runs
          --hostname <HOST>    Ask this GitHub host [env: GH_HOST] [default: github.com]
      -h, --help               Print help (see more with '--help')
    ");
    insta::assert_snapshot!(short(&["repo", "view"]), @r"
    Show a repository

    Usage: gh-mesh repo view [OPTIONS] [OWNER/REPO]

    Arguments:
      [OWNER/REPO]  Repository [env: GH_REPO] [default: that of the git repository around]

    Options:
          --json [<FIELDS>]  Print a JSON object; with these comma-separated fields only, or all of them
          --anonymous        Ask without a token where there is none, which GitHub allows 60 times an
                             hour
          --no-daemon        Ask from this process, also where a daemon runs
          --hostname <HOST>  Ask this GitHub host [env: GH_HOST] [default: github.com]
      -h, --help             Print help
    ");
}
