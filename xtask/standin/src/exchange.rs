//! The way of one request through the stand-in.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::body::{self, Body, Broken};
use crate::call::{Answer, Call, Media, Payload, parse_query};
use crate::clock::{self, Time};
use crate::config::{Config, Links, TagFormula};
use crate::counters::{Kind, Tally};
use crate::faults::{FaultKind, Faults};
use crate::limits::{Budget, Limits, Payer};
use crate::routes::{self, Handler, Resource};
use crate::world::{Viewer, World};
use crate::{admin, graphql, signed};

mod credential;
mod finish;
mod refusal;

use credential::Credential;

/// The largest body of a request that is not an upload, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;
const GITHUB: &str = "https://api.github.com";
const GITHUB_UPLOADS: &str = "https://uploads.github.com";

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) world: RwLock<World>,
    pub(crate) limits: Limits,
    pub(crate) tally: Tally,
    pub(crate) faults: Faults,
    pub(crate) tags: Mutex<TagFormula>,
    pub(crate) latency: Mutex<Duration>,
    /// Whether listeners refuse connections.
    pub(crate) down: watch::Sender<bool>,
}

/// What is known of a request before it is answered.
pub(crate) struct Asked<'a> {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) credential: Credential<'a>,
    pub(crate) payer: Payer,
    pub(crate) media: Media,
    pub(crate) now: Time,
    pub(crate) api: String,
    pub(crate) uploads: String,
}

impl Asked<'_> {
    /// Whether the answer may be tagged and shortened to a 304.
    fn is_read(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            world: RwLock::new(World::generate(&config.data)),
            limits: Limits::new(&config),
            tally: Tally::default(),
            faults: Faults::default(),
            tags: Mutex::new(config.tags),
            latency: Mutex::new(config.latency),
            down: watch::Sender::new(false),
            config,
        }
    }

    /// Answers one request. An error ends the connection before the first byte of an answer.
    pub(crate) async fn exchange(
        self: Arc<Self>,
        request: Request<Incoming>,
        source: &str,
        scheme: &str,
    ) -> Result<Response<Body>, Broken> {
        let (head, incoming) = request.into_parts();
        if let Some(page) = head.uri.path().strip_prefix("/_standin/") {
            return Ok(admin::answer(&self, &head.method, page, incoming).await);
        }
        let _in_flight = self.tally.enter();
        let authority = head
            .uri
            .authority()
            .map(ToString::to_string)
            .or_else(|| Some(head.headers.get(header::HOST)?.to_str().ok()?.to_owned()))
            .unwrap_or_default();
        let host = authority
            .rsplit_once(':')
            .map_or(authority.as_str(), |(host, _)| host);
        let query = parse_query(head.uri.query().unwrap_or_default());
        let now = clock::now();
        if host == "codeload.github.com" || host.ends_with(".githubusercontent.com") {
            return Ok(self.download(&head.method, head.uri.path(), &query, now));
        }

        let sent = head.uri.path();
        // The spellings of GitHub Enterprise Server.
        let (path, prefix) = match sent.strip_prefix("/api/v3") {
            Some("") => ("/", "/api/v3"),
            Some(rest) => (rest, "/api/v3"),
            None if sent == "/api/graphql" => ("/graphql", ""),
            None => (sent, ""),
        };
        let (api, uploads) = match self.config.links {
            Links::GitHub => (GITHUB.to_owned(), GITHUB_UPLOADS.to_owned()),
            Links::Listener => {
                let root = format!("{scheme}://{authority}{prefix}");
                (root.clone(), root)
            }
        };
        let credential = Credential::of(&head.headers, &self.config.tokens);
        let asked = Asked {
            path: path.to_owned(),
            media: Media::from_accept(
                head.headers
                    .get(header::ACCEPT)
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default(),
            ),
            payer: Payer::of(credential.token(), source),
            method: head.method,
            headers: head.headers,
            query,
            credential,
            now,
            api,
            uploads,
        };
        self.route(asked, incoming).await
    }

    async fn route(&self, asked: Asked<'_>, incoming: Incoming) -> Result<Response<Body>, Broken> {
        let found = routes::find(&asked.method, &asked.path, &self.world.read());
        let template = found
            .as_ref()
            .map_or("unknown", |found| found.route.template);
        let resource = found
            .as_ref()
            .map_or(Resource::Core, |found| found.route.resource);
        let faults = self
            .faults
            .take(template, &asked.path, asked.credential.label());

        let delays = faults.iter().filter_map(|fault| {
            if let FaultKind::Delay { ms } = fault {
                Some(*ms)
            } else {
                None
            }
        });
        let wait = *self.latency.lock() + Duration::from_millis(delays.sum());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }

        let kind = |status: u16, charged| Kind {
            method: asked.method.to_string(),
            route: template,
            token: asked.credential.label().to_owned(),
            status,
            charged,
            conditional: crate::tags::is_conditional(&asked.headers),
        };
        if faults.contains(&FaultKind::Reset) {
            self.tally.add(kind(0, false));
            return Err(Broken);
        }

        let token = asked.credential.token();
        let spent = self
            .limits
            .draw(&asked.payer, token, resource, 0, asked.now)
            .is_spent();
        let free = matches!(
            found.as_ref().map(|found| found.route.handler),
            Some(Handler::RateLimit)
        );
        let refusal = refusal::refusal(&asked, &faults, resource, spent && !free);
        let refused = refusal.is_some();
        let mut answer = match (refusal, found) {
            (Some(refusal), _) => refusal,
            (None, Some(found)) => self.handle(&asked, found, incoming).await,
            (None, None) => Answer::refusal(StatusCode::NOT_FOUND, "Not Found"),
        };
        finish::enlarge(&mut answer, &faults);
        let tag = self.tag(&asked, &answer);
        if answer.status == StatusCode::OK
            && asked.is_read()
            && crate::tags::is_not_modified(&asked.headers, tag.as_deref(), answer.last_modified)
        {
            answer.status = StatusCode::NOT_MODIFIED;
        }
        // A 304 costs nothing, but only if it was asked for with a token.
        let is_free_304 = answer.status == StatusCode::NOT_MODIFIED && token.is_some();
        let charged =
            answer.status == StatusCode::UNAUTHORIZED || !(free || refused || is_free_304);
        let budget = self
            .limits
            .draw(&asked.payer, token, resource, u64::from(charged), asked.now);
        self.tally.add(kind(answer.status.as_u16(), charged));
        Ok(self.finish(&asked, answer, tag, &budget, &faults))
    }

    fn tag(&self, asked: &Asked<'_>, answer: &Answer) -> Option<String> {
        let Payload::Text(text, _) = &answer.payload else {
            return None;
        };
        (answer.tagged && asked.is_read() && answer.status == StatusCode::OK)
            .then(|| crate::tags::tag(*self.tags.lock(), &asked.headers, text.as_bytes()))
            .flatten()
    }

    async fn handle(&self, asked: &Asked<'_>, found: routes::Found, incoming: Incoming) -> Answer {
        let viewer = Viewer {
            token: asked.credential.token(),
        };
        let mut call = Call {
            params: found.params,
            query: asked.query.clone(),
            tail: found.tail,
            media: asked.media,
            viewer: &viewer,
            body: Value::Null,
            now: asked.now,
            api: &asked.api,
            uploads: &asked.uploads,
        };
        let answer = match found.route.handler {
            Handler::Read(read) => read(&call, &self.world.read()),
            Handler::RateLimit => Some(self.rate_limit(asked)),
            Handler::Upload => self.upload(&call, incoming).await,
            Handler::Write(write) => match self.read_json(incoming).await {
                Ok(body) => {
                    call.body = body;
                    write(&call, &mut self.world.write())
                }
                Err(refusal) => Some(refusal),
            },
            Handler::GraphQl => match self.read_json(incoming).await {
                Ok(body) => Some(graphql::answer(
                    &self.world,
                    &viewer,
                    &body,
                    asked.now,
                    || {
                        self.limits
                            .draw(&asked.payer, viewer.token, Resource::GraphQl, 0, asked.now)
                            .json()
                    },
                )),
                Err(refusal) => Some(refusal),
            },
        };
        answer.unwrap_or_else(|| Answer::refusal(StatusCode::NOT_FOUND, "Not Found"))
    }

    async fn read_json(&self, incoming: Incoming) -> Result<Value, Answer> {
        let body = Limited::new(incoming, MAX_BODY)
            .collect()
            .await
            .map_err(|_| Answer::refusal(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large"))?
            .to_bytes();
        self.tally
            .bytes_in
            .fetch_add(body.len() as u64, Ordering::Relaxed);
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body)
            .map_err(|_| Answer::refusal(StatusCode::BAD_REQUEST, "Problems parsing JSON"))
    }

    fn rate_limit(&self, asked: &Asked<'_>) -> Answer {
        let token = asked.credential.token();
        let budget = |resource| {
            self.limits
                .draw(&asked.payer, token, resource, 0, asked.now)
                .json()
        };
        let resources: serde_json::Map<String, Value> = Resource::ALL
            .iter()
            .map(|resource| (resource.name().to_owned(), budget(*resource)))
            .collect();
        let body = serde_json::json!({"resources": resources, "rate": budget(Resource::Core)});
        let mut answer = Answer::json(body.to_string()).untagged();
        answer.set(header::CACHE_CONTROL, "no-cache");
        answer
    }

    /// Reads an upload as it comes and adds it to its release.
    async fn upload(&self, call: &Call<'_>, mut incoming: Incoming) -> Option<Answer> {
        let id = call.number("release_id")?;
        {
            let world = self.world.read();
            call.repo(&world)?
                .releases
                .iter()
                .find(|release| release.id == id)?;
            if let Some(refusal) = crate::rest::repos::refuse_unless_writer(call, &world) {
                return Some(refusal);
            }
        }
        let Some(name) = call.query("name").map(String::from) else {
            return Some(crate::rest::repos::invalid("ReleaseAsset", "name"));
        };
        let Ok((size, digest)) = self.drain(&mut incoming).await else {
            return Some(Answer::refusal(
                StatusCode::BAD_REQUEST,
                "Bad Content-Length",
            ));
        };
        crate::rest::releases::add_asset(call, &mut self.world.write(), id, name, size, digest)
    }

    /// Reads a body to its end without keeping it. Returns its length and hex SHA-256.
    pub(crate) async fn drain(
        &self,
        incoming: &mut Incoming,
    ) -> Result<(u64, String), hyper::Error> {
        let (mut size, mut hash) = (0, Sha256::new());
        while let Some(frame) = incoming.frame().await {
            if let Ok(data) = frame?.into_data() {
                size += data.len() as u64;
                hash.update(&data);
                self.tally
                    .bytes_in
                    .fetch_add(data.len() as u64, Ordering::Relaxed);
            }
        }
        Ok((size, hex::encode(hash.finalize())))
    }

    /// Answers at the hosts that signed URLs point to.
    fn download(
        &self,
        method: &Method,
        path: &str,
        query: &[(String, String)],
        now: Time,
    ) -> Response<Body> {
        let size = signed::verify(path, query, now);
        let status = if size.is_some() {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        };
        self.tally.add(Kind {
            method: method.to_string(),
            route: "download",
            token: "signed-url".into(),
            status: status.as_u16(),
            charged: false,
            conditional: false,
        });
        let body = size.map_or_else(
            || {
                body::full(Bytes::from_static(
                    b"<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code></Error>",
                ))
            },
            |size| {
                self.tally.bytes_out.fetch_add(size, Ordering::Relaxed);
                body::pattern(size)
            },
        );
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        response
    }

    /// Changes a repository, one of its issues or one of its runs. Returns whether there is such an object.
    pub(crate) fn touch(&self, full_name: &str, issue: Option<u64>, run: Option<u64>) -> bool {
        let now = clock::now();
        let mut world = self.world.write();
        let Some(idx) = world.repo_idx(full_name) else {
            return false;
        };
        let repo = &mut world.repos[idx];
        match (issue, run) {
            (Some(number), _) => repo
                .issue_mut(number)
                .map(|issue| issue.touch(now))
                .is_some(),
            (None, Some(id)) => repo.run_mut(id).map(|run| run.touch(now)).is_some(),
            (None, None) => {
                repo.touch(now);
                repo.description = Some(format!("Touched at {}", repo.updated_at));
                true
            }
        }
    }

    pub(crate) fn set_remaining(&self, label: &str, resource: &str, remaining: u64) -> bool {
        let token = self.config.tokens.iter().find(|token| token.label == label);
        let resource = Resource::ALL.iter().find(|known| known.name() == resource);
        let (Some(token), Some(resource)) = (token, resource) else {
            return false;
        };
        self.limits.set_remaining(
            &Payer::of(Some(token), ""),
            Some(token),
            *resource,
            remaining,
            clock::now(),
        );
        true
    }

    fn finish(
        &self,
        asked: &Asked<'_>,
        answer: Answer,
        tag: Option<String>,
        budget: &Budget,
        faults: &[FaultKind],
    ) -> Response<Body> {
        finish::finish(self, asked, answer, tag, budget, faults)
    }
}
