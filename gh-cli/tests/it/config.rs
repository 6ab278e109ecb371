//! Where settings come from.

use crate::support::World;

#[tokio::test]
async fn flags_win_over_variables_over_the_file_over_defaults() {
    let mut world = World::new().await;
    let file = world.path("settings.toml");
    std::fs::write(
        &file,
        "max_size = 7\nmax_bytes = '1MiB'\ndefault_ttl = 12\nhttp_allow_hosts = ['a', 'b']\n",
    )
    .unwrap();
    world.set("CACHE_MAX_BYTES", "2MiB");
    world.set("CACHE_DEFAULT_TTL", "13");
    world.set("GH_MESH_DEFAULT_TTL", "14");
    let run = world
        .run(&["config", "--config", &file, "--default-ttl", "15", "-v"])
        .await
        .good();
    let shown = world.neutral(&run.text());
    let mut neutral = insta::Settings::clone_current();
    // The columns are as wide as this machine's temporary directory is long.
    neutral.add_filter(" {2,}", "  ");
    neutral.bind(|| insta::assert_snapshot!(shown, @r"
    SETTING  VALUE  FROM
    api_url  [STANDIN]  environment CACHE_API_URL
    bootstrap_peers  default
    default_ttl  15 s  flag --default-ttl
    dir  [DIR]/cache  environment CACHE_DIR
    enable_p2p  false  environment CACHE_ENABLE_P2P
    http_allow_hosts  a,b  file [DIR]/settings.toml
    http_listen  127.0.0.1:0  environment CACHE_HTTP_LISTEN
    listen_port  0  environment CACHE_LISTEN_PORT
    log  info,gh_mesh=debug,gh_client=debug,cache_core=debug,cache_crypto=debug,cache_p2p=debug,cache_store=debug  flag --verbose
    log_format  text  default
    max_age  none  default
    max_bytes  2097152  environment CACHE_MAX_BYTES
    max_size  7  file [DIR]/settings.toml
    mdns  false  environment CACHE_MDNS
    p2p_listen  default
    p2p_shared_secret  (the GitHub token)  default
    share  proved  default
    socket  [DIR]/cache/gh-mesh.sock  default
    stale_if_error  none  default
    state_dir  [DIR]/state  environment CACHE_STATE_DIR
    github_token  (set)  environment GH_TOKEN, GITHUB_TOKEN, or gh auth token
    "));
    world.set("CACHE_CONFIG", &file);
    let json = world.run(&["config", "--json"]).await.good().json();
    let of = |name: &str| {
        json["settings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(json["version"], 1);
    assert_eq!(
        of("max_size"),
        serde_json::json!({"name": "max_size", "value": "7", "source": "file", "from": file})
    );
    assert_eq!(of("default_ttl")["from"], "GH_MESH_DEFAULT_TTL");
    assert_eq!(of("github_token")["value"], "(set)");
}

#[tokio::test]
async fn the_default_file_is_read_and_its_mistakes_are_named() {
    let world = World::new().await;
    let dir = world.dir.path().join("home/.config/gh-mesh");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("config.toml"), "max_size = 7\n").unwrap();
    assert!(world.run(&["config"]).await.good().text().contains("file "));
    std::fs::write(dir.join("config.toml"), "max_sise = 7\n").unwrap();
    let run = world.run(&["stats"]).await;
    insta::assert_snapshot!(world.neutral(&run.shown()), @r#"
    exit 2
    --- stdout

    --- stderr
    error: could not read the settings
      caused by: "max_sise" in [DIR]/home/.config/gh-mesh/config.toml is no setting

    hint: settings are api_url, bootstrap_peers, ca_file, default_ttl, dir, enable_p2p, http_allow_hosts, http_listen, listen_port, log, log_format, max_age, max_bytes, max_size, mdns, p2p_listen, p2p_shared_secret, p2p_shared_secret_file, share, socket, stale_if_error, state_dir
    "#);
    let run = world.run(&["config", "--config", "/no/such/file"]).await;
    insta::assert_snapshot!(run.shown(), @r"
    exit 2
    --- stdout

    --- stderr
    error: could not read the settings
      caused by: /no/such/file does not exist
    ");
}

#[tokio::test]
async fn settings_reach_the_daemon_and_its_stats() {
    let mut world = World::new().await;
    world.set("CACHE_MAX_SIZE", "7");
    world.set("CACHE_SOCKET", &world.path("other.sock"));
    let daemon = world.serve(&["--max-entries", "9"]).await;
    assert_eq!(daemon.address("unix"), world.path("other.sock"));
    let stats = world.run(&["stats", "--json"]).await.good().json();
    assert_eq!(stats["max_entries"], 9);
    assert_eq!(stats["cache_dir"], world.path("cache"));
}

#[tokio::test]
async fn no_secret_is_shown_by_any_command() {
    let mut world = World::new().await;
    let secret = world.run(&["keygen"]).await.good().text().trim().to_owned();
    assert!(
        secret.starts_with("ghmesh_") && secret.len() >= 39,
        "{secret}"
    );
    assert_ne!(world.run(&["keygen"]).await.good().text().trim(), secret);
    world.set("CACHE_P2P_SHARED_SECRET", &secret);
    world.set("CACHE_LOG", "trace");
    let daemon = world.serve(&[]).await;
    let mut said = String::new();
    for args in [
        &["config"][..],
        &["config", "--json"],
        &["api", "user", "-vv"],
        &["api", "user", "-vv", "--no-daemon"],
        &["stats"],
    ] {
        let run = world.run(args).await.good();
        said.push_str(&run.text());
        said.push_str(&run.stderr);
    }
    said.push_str(&daemon.stop().await.1);
    assert!(said.contains("stopping"));
    assert!(!said.contains(&secret) && !said.contains(standin::Token::OCTOCAT));
}
