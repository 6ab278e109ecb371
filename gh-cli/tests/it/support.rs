//! A directory, a stand-in for GitHub and the binary under test, with nothing of the machine's own settings.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use standin::{Config, Standin, Token};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// Nothing here takes as long; a test that would hang fails instead.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Run {
    /// Returns stdout as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    /// Returns stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns code, stdout and stderr in one text, for a snapshot.
    pub(crate) fn shown(&self) -> String {
        let code = self
            .code
            .map_or_else(|| "by signal".to_owned(), |code| code.to_string());
        format!(
            "exit {code}\n--- stdout\n{}\n--- stderr\n{}",
            self.text().trim_end(),
            self.stderr.trim_end()
        )
    }

    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

/// Where a test takes place.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) standin: Standin,
    environment: Vec<(String, String)>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let config = Config {
            tcp: Some(([127, 0, 0, 1], 0).into()),
            ..Config::default()
        };
        let standin = Standin::start(config).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut world = Self {
            environment: Vec::new(),
            standin,
            dir,
        };
        world.set("HOME", &world.path("home"));
        world.set("PATH", "/nowhere");
        world.set("CACHE_DIR", &world.path("cache"));
        world.set("CACHE_STATE_DIR", &world.path("state"));
        world.set("CACHE_HTTP_LISTEN", "127.0.0.1:0");
        world.set("CACHE_ENABLE_P2P", "false");
        world.set("CACHE_LISTEN_PORT", "0");
        world.set("CACHE_MDNS", "false");
        world.set("CACHE_API_URL", &world.standin.http_url());
        world.set("CACHE_START_DAEMON", "false");
        world.set("GH_TOKEN", Token::OCTOCAT);
        world
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gh-mesh"));
        command
            .args(args)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .current_dir(self.dir.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, args: &[&str]) -> Run {
        self.run_with_input(args, None).await
    }

    pub(crate) async fn run_with_input(&self, args: &[&str], input: Option<&[u8]>) -> Run {
        let mut command = self.command(args);
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().unwrap();
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            tokio::io::AsyncWriteExt::write_all(&mut stdin, input)
                .await
                .unwrap();
        }
        let output = tokio::time::timeout(TIME_LIMIT, child.wait_with_output())
            .await
            .expect("the command ends")
            .unwrap();
        Run {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) async fn serve(&self, args: &[&str]) -> Daemon {
        let args: Vec<&str> = ["serve"].iter().chain(args).copied().collect();
        Daemon::start(self.command(&args)).await
    }

    /// Returns a text without this test's paths and ports, for snapshots.
    pub(crate) fn neutral(&self, text: &str) -> String {
        text.replace(&self.path(""), "[DIR]/")
            .replace(&self.standin.http_url(), "[STANDIN]")
    }

    /// Asks the stand-in itself.
    pub(crate) async fn direct(&self, path: &str) -> Bytes {
        get(
            &format!("{}/{path}", self.standin.http_url()),
            &[("authorization", &format!("Bearer {}", Token::OCTOCAT))],
        )
        .await
        .1
    }
}

/// A daemon that is ready.
pub(crate) struct Daemon {
    child: Child,
    /// What it printed before `ready`.
    pub(crate) lines: Vec<String>,
    stderr: JoinHandle<String>,
}

impl Daemon {
    pub(crate) async fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut stderr = child.stderr.take().unwrap();
        let stderr = tokio::spawn(async move {
            let mut said = String::new();
            stderr.read_to_string(&mut said).await.unwrap();
            said
        });
        let mut lines = Vec::new();
        let ready = async {
            while let Some(line) = printed.next_line().await.unwrap() {
                if line == "ready" {
                    return true;
                }
                lines.push(line);
            }
            false
        };
        if !tokio::time::timeout(TIME_LIMIT, ready)
            .await
            .expect("the daemon starts or says why not")
        {
            panic!("not ready: {}", stderr.await.unwrap());
        }
        Self {
            child,
            lines,
            stderr,
        }
    }

    /// Returns the address of the kind that a line names.
    #[track_caller]
    pub(crate) fn address(&self, kind: &str) -> &str {
        let found = self
            .lines
            .iter()
            .find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {kind} among {:?}", self.lines))
    }

    pub(crate) fn socket(&self) -> PathBuf {
        Path::new(self.address("unix")).to_owned()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal)
            .unwrap();
    }

    /// Ends it as a service manager does, and returns its exit code and what it said.
    pub(crate) async fn stop(self) -> (Option<i32>, String) {
        self.signal(rustix::process::Signal::TERM);
        self.ended().await
    }

    pub(crate) async fn ended(mut self) -> (Option<i32>, String) {
        let status = tokio::time::timeout(TIME_LIMIT, self.child.wait())
            .await
            .expect("the daemon ends")
            .unwrap();
        (status.code(), self.stderr.await.unwrap())
    }
}

/// Sends one GET over TCP.
pub(crate) async fn get(url: &str, headers: &[(&str, &str)]) -> (http::response::Parts, Bytes) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut request = http::Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client
        .request(request.body(Full::default()).unwrap())
        .await
        .unwrap();
    let (head, body) = response.into_parts();
    (head, body.collect().await.unwrap().to_bytes())
}
