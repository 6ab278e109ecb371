//! From an answer to a response: headers, compression, and the faults that show there.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::{Asked, Shared};
use crate::body::{self, Body};
use crate::call::{Answer, Payload};
use crate::faults::FaultKind;
use crate::limits::Budget;
use crate::rest::misc::VERSIONS;

/// Numbers request ids.
static SERIAL: AtomicU64 = AtomicU64::new(1);
/// Clients that get their JSON indented, as GitHub does, after the tag was made.
const INDENTED_FOR: [&str; 4] = ["curl", "Wget", "Safari", "Firefox"];

/// Adds the spaces of [`FaultKind::Larger`].
pub(super) fn enlarge(answer: &mut Answer, faults: &[FaultKind]) {
    for fault in faults {
        if let (FaultKind::Larger { bytes }, Payload::Text(text, _)) = (fault, &mut answer.payload)
        {
            text.extend(std::iter::repeat_n(' ', *bytes));
        }
    }
}

pub(super) fn finish(
    shared: &Shared,
    asked: &Asked<'_>,
    answer: Answer,
    tag: Option<String>,
    budget: &Budget,
    faults: &[FaultKind],
) -> Response<Body> {
    let unchanged = answer.status == StatusCode::NOT_MODIFIED;
    let mut headers = HeaderMap::new();
    write_common(&mut headers, asked);
    budget.write_headers(&mut headers);
    if answer.status == StatusCode::OK || unchanged {
        let scope = if asked.credential.token().is_some() {
            "private"
        } else {
            "public"
        };
        set(
            &mut headers,
            header::CACHE_CONTROL,
            &format!("{scope}, max-age=60, s-maxage=60"),
        );
        set(
            &mut headers,
            header::VARY,
            "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With",
        );
    }
    if faults.contains(&FaultKind::NoStore) {
        set(&mut headers, header::CACHE_CONTROL, "no-store");
    }
    if let Some(tag) = tag {
        set(&mut headers, header::ETAG, &tag);
    }
    if let Some(modified) = answer.last_modified.filter(|_| asked.is_read()) {
        set(&mut headers, header::LAST_MODIFIED, &modified.http_date());
    }
    headers.extend(answer.headers);
    let mut response = Response::new(body::full(Bytes::new()));
    *response.status_mut() = answer.status;
    if unchanged {
        headers.remove(header::LINK);
        *response.headers_mut() = headers;
        return response;
    }

    let bytes = match answer.payload {
        Payload::Empty => Bytes::new(),
        Payload::Text(text, content_type) => {
            set(&mut headers, header::CONTENT_TYPE, content_type);
            encode(asked, &mut headers, text, content_type)
        }
    };
    let truncated = faults.contains(&FaultKind::Truncate);
    let is_head = asked.method == Method::HEAD;
    if answer.status != StatusCode::NO_CONTENT {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    if !is_head {
        shared
            .tally
            .bytes_out
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        *response.body_mut() = if truncated {
            body::truncated(&bytes)
        } else {
            body::full(bytes)
        };
    }
    *response.headers_mut() = headers;
    response
}

fn write_common(headers: &mut HeaderMap, asked: &Asked<'_>) {
    set(headers, header::SERVER, "github.com");
    set(headers, header::DATE, &asked.now.http_date());
    set(
        headers,
        HeaderName::from_static("x-github-media-type"),
        asked.media.header(),
    );
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    set(
        headers,
        HeaderName::from_static("x-github-request-id"),
        &format!("{serial:04X}:{:06X}:{:08X}", serial * 7_919, asked.now.0),
    );
    let version = asked
        .headers
        .get("x-github-api-version")
        .and_then(|value| value.to_str().ok())
        .filter(|version| VERSIONS.contains(version));
    set(
        headers,
        HeaderName::from_static("x-github-api-version-selected"),
        version.unwrap_or(VERSIONS[VERSIONS.len() - 1]),
    );
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(
        headers,
        HeaderName::from_static("access-control-allow-origin"),
        "*",
    );
    if let Some(token) = asked
        .credential
        .token()
        .filter(|token| !token.is_installation())
    {
        set(
            headers,
            HeaderName::from_static("x-oauth-scopes"),
            &token.scopes.join(", "),
        );
        set(
            headers,
            HeaderName::from_static("x-accepted-oauth-scopes"),
            "",
        );
    }
}

/// Returns the body as it goes over the wire.
fn encode(
    asked: &Asked<'_>,
    headers: &mut HeaderMap,
    mut text: String,
    content_type: &str,
) -> Bytes {
    let value = |name: HeaderName| {
        asked
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let agent = value(header::USER_AGENT);
    if content_type.starts_with("application/json")
        && INDENTED_FOR.iter().any(|name| agent.contains(name))
    {
        let indented = serde_json::from_str::<serde_json::Value>(&text)
            .and_then(|value| serde_json::to_string_pretty(&value));
        text = indented.map_or(text, |indented| indented + "\n");
    }
    let takes_gzip = value(header::ACCEPT_ENCODING).split(',').any(|coding| {
        let (coding, weight) = coding.split_once(';').unwrap_or((coding, ""));
        coding.trim() == "gzip" && weight.trim() != "q=0"
    });
    if takes_gzip && !text.is_empty() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        if let Ok(compressed) = encoder
            .write_all(text.as_bytes())
            .and_then(|()| encoder.finish())
        {
            set(headers, header::CONTENT_ENCODING, "gzip");
            return compressed.into();
        }
    }
    text.into()
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
