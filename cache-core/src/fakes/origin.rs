//! An origin that answers what it was told to, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::port::{
    BoxError, Disposition, Origin, OriginAnswer, OriginRequest, PortError, PortErrorKind, Validator,
};
use crate::{Credential, Entry, Question};

/// Holds answers back until it is opened.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// Lets everything pass from now on.
    pub fn open(&self) {
        self.0.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// Waits for the gate to be open.
    pub async fn passed(&self) {
        // The semaphore is never closed, so there is always a permit in the end.
        drop(self.0.acquire().await);
    }
}

/// What the origin says to one request.
#[derive(Clone, Debug)]
pub struct Reply {
    kind: Kind,
    headers: HeaderMap,
    after: Duration,
    gate: Option<Gate>,
}

#[derive(Clone, Debug)]
enum Kind {
    Current,
    NotModified,
    Whole(StatusCode, Bytes, Disposition),
    Streamed(StatusCode, Bytes),
    Fails(PortErrorKind),
    Panics,
}

impl Reply {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            headers: HeaderMap::new(),
            after: Duration::ZERO,
            gate: None,
        }
    }

    /// What the origin says when nothing was scripted: the present state, or 304 to whoever has it.
    pub fn current() -> Self {
        Self::new(Kind::Current)
    }

    /// 304, whether the request was conditional or not.
    pub fn not_modified() -> Self {
        Self::new(Kind::NotModified)
    }

    /// A complete response.
    pub fn whole(status: u16, body: &'static str, disposition: Disposition) -> Self {
        let status = StatusCode::from_u16(status).expect("tests name real statuses");
        Self::new(Kind::Whole(
            status,
            Bytes::from_static(body.as_bytes()),
            disposition,
        ))
    }

    /// A complete 200 to be stored.
    pub fn ok(body: &'static str) -> Self {
        Self::whole(200, body, Disposition::Store)
    }

    /// A response that is passed on while it arrives.
    pub fn streamed(status: u16, body: &'static str) -> Self {
        let status = StatusCode::from_u16(status).expect("tests name real statuses");
        Self::new(Kind::Streamed(status, Bytes::from_static(body.as_bytes())))
    }

    /// No answer.
    pub fn fails(kind: PortErrorKind) -> Self {
        Self::new(Kind::Fails(kind))
    }

    /// A panic of the adapter.
    pub fn panics() -> Self {
        Self::new(Kind::Panics)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.append(name, HeaderValue::from_static(value));
        self
    }

    /// Says it only after this long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }

    /// Says it only once `gate` is open.
    #[must_use]
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }
}

/// An origin that says what was scripted, in that order, and then the present state of one versioned resource for
/// each question and credential, with 304 to whoever has it.
#[derive(Debug, Default)]
pub struct FakeOrigin {
    version: AtomicU64,
    computes_nothing: AtomicBool,
    shows_nothing: AtomicBool,
    says_the_same: AtomicBool,
    script: Mutex<VecDeque<Reply>>,
    log: Mutex<Vec<OriginRequest>>,
}

impl FakeOrigin {
    /// Appends to the script.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().extend(replies);
    }

    /// Changes the state of every resource.
    pub fn change(&self) {
        self.version.fetch_add(1, SeqCst);
    }

    /// Makes it compute no more validators.
    pub fn compute_nothing(&self) {
        self.computes_nothing.store(true, SeqCst);
    }

    /// Makes its 304s say nothing of headers any more.
    pub fn show_nothing_current(&self) {
        self.shows_nothing.store(true, SeqCst);
    }

    /// Makes it say the same to everybody, each with a tag of its own.
    pub fn say_the_same_to_all(&self) {
        self.says_the_same.store(true, SeqCst);
    }

    /// Returns how many requests came.
    pub fn n_requests(&self) -> usize {
        self.log.lock().len()
    }

    /// Returns the requests that came, in order.
    pub fn requests(&self) -> Vec<OriginRequest> {
        self.log.lock().clone()
    }

    /// Returns the body that `credential` gets for `question` now.
    pub fn body(&self, question: &Question, credential: &Credential) -> String {
        let version = self.version.load(SeqCst);
        let says_the_same = self.says_the_same.load(SeqCst);
        let fingerprint = credential.fingerprint().filter(|_| !says_the_same);
        let who = fingerprint.map_or(0, |print| print[0]);
        format!("{} for {who:02x}, version {version}", question.target())
    }

    /// Returns the entity tag that `credential` gets for `body`.
    pub fn tag(credential: &Credential, body: &[u8]) -> HeaderValue {
        let mut hasher = Sha256::new();
        hasher.update(credential.fingerprint().copied().unwrap_or_default());
        hasher.update(body);
        let digest: [u8; 32] = hasher.finalize().into();
        let short = digest[..8]
            .iter()
            .fold(0_u64, |short, byte| short << 8 | u64::from(*byte));
        HeaderValue::from_str(&format!("W/\"{short:016x}\"")).expect("hex is fit for a header")
    }

    fn current(&self, request: &OriginRequest) -> OriginAnswer {
        let body = self.body(&request.question, &request.credential);
        let tag = Self::tag(&request.credential, body.as_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, tag.clone());
        if request.validator == Some(Validator::EntityTag(tag)) {
            return OriginAnswer::NotModified { headers };
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        OriginAnswer::Whole {
            status: StatusCode::OK,
            headers,
            body: Bytes::from(body),
            disposition: Disposition::Store,
        }
    }
}

#[async_trait]
impl Origin for FakeOrigin {
    async fn fetch(&self, request: OriginRequest) -> Result<OriginAnswer, PortError> {
        let reply = self
            .script
            .lock()
            .pop_front()
            .unwrap_or_else(Reply::current);
        self.log.lock().push(request.clone());
        // The state is that of when the request arrived; only its answer is slow.
        let current = self.current(&request);
        if !reply.after.is_zero() {
            tokio::time::sleep(reply.after).await;
        }
        if let Some(gate) = &reply.gate {
            gate.passed().await;
        }
        let headers = reply.headers;
        match reply.kind {
            Kind::Current => Ok(current),
            Kind::NotModified => Ok(OriginAnswer::NotModified { headers }),
            Kind::Whole(status, body, disposition) => Ok(OriginAnswer::Whole {
                status,
                headers,
                body,
                disposition,
            }),
            Kind::Streamed(status, body) => {
                let body = Full::new(body).map_err(|never| -> BoxError { match never {} });
                let mut response = http::Response::new(body.boxed());
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                Ok(OriginAnswer::Streamed(response))
            }
            Kind::Fails(kind) => Err(PortError::new(kind, "origin", "as scripted")),
            Kind::Panics => panic!("as scripted"),
        }
    }

    fn may_be_shown_current(&self, _: &Question, _: &Entry) -> bool {
        !self.shows_nothing.load(SeqCst)
    }

    /// The content type alone.
    fn provable_headers(&self, _: &Question, entry: &Entry) -> Option<HeaderMap> {
        let kept = entry.headers.get(CONTENT_TYPE).cloned();
        let kept = kept.map(|value| (CONTENT_TYPE, value));
        (!self.shows_nothing.load(SeqCst)).then(|| kept.into_iter().collect())
    }

    fn computed_validator(
        &self,
        _: &Question,
        credential: &Credential,
        body: &[u8],
    ) -> Option<HeaderValue> {
        (!self.computes_nothing.load(SeqCst)).then(|| Self::tag(credential, body))
    }
}
