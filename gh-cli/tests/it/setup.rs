//! `setup` and `unset`, with a `gh` and a `systemctl` that note what they are told.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::World;

const GH: &str = r#"#!/bin/sh
case "$2" in
  get) read -r value < "$HOME/gh-setting"; echo "$value" ;;
  set) echo "$4" > "$HOME/gh-setting" ;;
esac
"#;

const SYSTEMCTL: &str = "#!/bin/sh\necho \"$@\" >> \"$HOME/systemctl-calls\"\n";

async fn world(programs: &[(&str, &str)]) -> World {
    let mut world = World::new().await;
    world.set("PATH", &world.path("bin"));
    world.set("CACHE_IDLE_TIMEOUT", "0.3");
    for directory in ["bin", "home"] {
        std::fs::create_dir_all(world.path(directory)).unwrap();
    }
    std::fs::write(world.path("home/gh-setting"), "\n").unwrap();
    for (name, script) in programs {
        let path = world.path(&format!("bin/{name}"));
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    world
}

fn text(world: &World, path: &str) -> String {
    world.neutral(&std::fs::read_to_string(world.path(path)).unwrap())
}

async fn shown(world: &World, args: &[&str]) -> String {
    world.neutral(&world.run(args).await.shown())
}

#[tokio::test]
async fn setup_has_systemd_listen_and_unset_undoes_it() {
    let world = world(&[("gh", GH), ("systemctl", SYSTEMCTL)]).await;
    std::fs::write(world.path("home/gh-setting"), "/before.sock\n").unwrap();
    insta::assert_snapshot!(shown(&world, &["setup", "--dry-run"]).await, @r"
    exit 0
    --- stdout
    would have systemd listen on the socket and start the daemon with the first request
    would set gh's http_unix_socket to [DIR]/cache/gh-mesh.sock; now it is /before.sock
    --- stderr
    ");
    assert_eq!(text(&world, "home/gh-setting"), "/before.sock\n");
    assert!(
        !std::path::Path::new(&world.path("state")).exists(),
        "nothing is done"
    );
    insta::assert_snapshot!(shown(&world, &["setup"]).await, @r"
    exit 0
    --- stdout
    systemd listens on the socket and starts the daemon with the first request
    gh uses [DIR]/cache/gh-mesh.sock now; before, /before.sock
    --- stderr
    ");
    insta::assert_snapshot!(text(&world, "home/.config/systemd/user/gh-mesh.socket"), @r"
    # Written by `gh-mesh setup`; `gh-mesh unset` removes it.
    [Unit]
    Description=Socket of gh-mesh, a cache for the GitHub API

    [Socket]
    ListenStream=[DIR]/cache/gh-mesh.sock
    SocketMode=0600
    DirectoryMode=0700

    [Install]
    WantedBy=sockets.target
    ");
    let service = text(&world, "home/.config/systemd/user/gh-mesh.service");
    assert!(
        service.contains(r#""serve" "--started-by" "systemd" "--cache-dir" "[DIR]/cache""#),
        "{service}"
    );
    insta::assert_snapshot!(shown(&world, &["setup"]).await, @r"
    exit 0
    --- stdout
    systemd listens on the socket and starts the daemon with the first request
    gh uses [DIR]/cache/gh-mesh.sock already
    --- stderr
    ");
    insta::assert_snapshot!(shown(&world, &["setup", "--socket", "/tmp/other.sock"]).await, @r"
    exit 1
    --- stdout

    --- stderr
    error: could not set up
      caused by: it is set up for [DIR]/cache/gh-mesh.sock already

    hint: `gh-mesh unset` undoes that
    ");
    insta::assert_snapshot!(shown(&world, &["unset", "--dry-run"]).await, @r"
    exit 0
    --- stdout
    would set gh's http_unix_socket back: /before.sock
    would have systemd no longer listen
    --- stderr
    ");
    insta::assert_snapshot!(shown(&world, &["unset"]).await, @r"
    exit 0
    --- stdout
    gh uses the socket again that it used before: /before.sock
    systemd no longer listens
    --- stderr
    ");
    insta::assert_snapshot!(shown(&world, &["unset"]).await, @r"
    exit 0
    --- stdout
    there is nothing to undo
    --- stderr
    ");
    assert_eq!(text(&world, "home/gh-setting"), "/before.sock\n");
    let units = std::fs::read_dir(world.path("home/.config/systemd/user")).unwrap();
    assert_eq!(units.count(), 0);
    let calls = text(&world, "home/systemctl-calls");
    for call in [
        "--user enable gh-mesh.socket",
        "--user disable --now gh-mesh.socket",
    ] {
        assert!(calls.lines().any(|line| line == call), "{calls}");
    }
}

#[tokio::test]
async fn units_of_somebody_else_are_left_alone() {
    let world = world(&[("gh", GH), ("systemctl", SYSTEMCTL)]).await;
    std::fs::create_dir_all(world.path("home/.config/systemd/user")).unwrap();
    std::fs::write(
        world.path("home/.config/systemd/user/gh-mesh.service"),
        "[Unit]\n",
    )
    .unwrap();
    insta::assert_snapshot!(shown(&world, &["setup"]).await, @r"
    exit 1
    --- stdout

    --- stderr
    error: could not set up
      caused by: [DIR]/home/.config/systemd/user/gh-mesh.service is there, and not from here

    hint: move it away
    ");
    assert_eq!(text(&world, "home/gh-setting"), "\n");
}

#[tokio::test]
async fn without_systemd_a_daemon_is_started_and_stays_until_unset() {
    let world = world(&[("gh", GH)]).await;
    insta::assert_snapshot!(shown(&world, &["setup"]).await, @r"
    exit 0
    --- stdout
    systemd does not run for this user: a daemon was started and stays; after a restart of the machine, gh fails until `gh-mesh setup` or any other command starts it again
    gh uses [DIR]/cache/gh-mesh.sock now; before, none
    --- stderr
    ");
    assert_eq!(
        text(&world, "home/gh-setting"),
        "[DIR]/cache/gh-mesh.sock\n"
    );
    let status = world
        .run(&["daemon", "status", "--json"])
        .await
        .good()
        .json();
    assert_eq!(status["started_by"], "command");
    std::fs::write(world.path("home/gh-setting"), "/changed.sock\n").unwrap();
    insta::assert_snapshot!(shown(&world, &["unset"]).await, @r#"
    exit 0
    --- stdout
    gh's http_unix_socket was changed since, to "/changed.sock", and left so
    the daemon ends when it was not asked anything for a while
    --- stderr
    "#);
    assert_eq!(text(&world, "home/gh-setting"), "/changed.sock\n");
    let lock = world.path("state/lock");
    tokio::task::spawn_blocking(move || std::fs::File::open(lock).unwrap().lock().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn without_gh_it_says_what_to_do() {
    let world = world(&[("systemctl", SYSTEMCTL)]).await;
    insta::assert_snapshot!(shown(&world, &["setup"]).await, @r"
    exit 0
    --- stdout
    systemd listens on the socket and starts the daemon with the first request
    gh is not installed; later, run `gh-mesh setup` again, or `gh config set http_unix_socket [DIR]/cache/gh-mesh.sock`
    --- stderr
    ");
    world.run(&["unset"]).await.good();
}

#[tokio::test]
async fn a_socket_that_systemd_opened_is_taken_over_and_left_in_place() {
    use std::os::fd::OwnedFd;
    let world = World::new().await;
    let socket = world.path("s.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    // What systemd does: the socket is descriptor 3, and the process is told that it is meant.
    let script =
        r#"LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve --started-by systemd 3<&0 </dev/null"#;
    let mut command = world.command(&[]);
    let binary = command.as_std().get_program().to_owned();
    command = {
        let mut shell = tokio::process::Command::new("/bin/sh");
        shell.arg("-c").arg(script).arg(binary).env_clear();
        for (name, value) in command.as_std().get_envs() {
            shell.env(name, value.unwrap());
        }
        shell
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .kill_on_drop(true);
        shell.stdin(std::process::Stdio::from(OwnedFd::from(listener)));
        shell
    };
    let daemon = crate::support::Daemon::start(command).await;
    assert_eq!(daemon.lines, [format!("unix {socket}")]);
    let run = world
        .run(&["api", "users/octocat", "-q", ".login", "--socket", &socket])
        .await;
    assert_eq!(run.text(), "octocat\n", "{run:?}");
    assert_eq!(
        world
            .run(&[
                "serve",
                "--started-by",
                "systemd",
                "--state-dir",
                &world.path("s2")
            ])
            .await
            .code,
        Some(1)
    );
    assert_eq!(daemon.stop().await.0, Some(0));
    assert!(
        std::path::Path::new(&socket).exists(),
        "the file is systemd's"
    );
}
