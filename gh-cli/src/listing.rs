//! What commands that list things of GitHub share: pages, fields of `--json`, and cells of tables.

use bytes::Bytes;
use cache_core::port::Runtime as _;
use gh_client::TokioRuntime;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::ask::{self, Api, Call};
use crate::error::{CommandError, Ending, Outcome};
use crate::output;

/// The most items of a page that GitHub gives.
pub(crate) const MAX_PER_PAGE: usize = 100;

/// Reads the value of `--json`: some of `fields`, or all of them where none is named. `of` says whose they are.
pub(crate) fn parse_fields<'a>(
    given: &'a str,
    fields: &[&'static str],
    of: &str,
) -> Outcome<Vec<&'a str>>
where
    'static: 'a,
{
    if given.is_empty() {
        return Ok(fields.to_vec());
    }
    let unknown = |field: &str| {
        CommandError::message(Ending::Usage, format!("{field:?} is no field of {of}"))
            .hint(format!("fields are {}", fields.join(", ")))
            .hint("put what is listed in front of a `--json` without fields")
    };
    given
        .split(',')
        .map(str::trim)
        .map(|field| {
            if fields.contains(&field) {
                Ok(field)
            } else {
                Err(unknown(field))
            }
        })
        .collect()
}

/// Returns these fields of `item` as an object. `owner` and `actor` are their logins.
pub(crate) fn pick(item: &Value, fields: &[&str]) -> Value {
    let value = |field: &str| match &item[field] {
        Value::Object(person) if person.contains_key("login") => person["login"].clone(),
        value => value.clone(),
    };
    let fields = fields.iter();
    Value::Object(
        fields
            .map(|field| ((*field).to_owned(), value(field)))
            .collect::<Map<_, _>>(),
    )
}

/// Asks for the items, which are under `key` where they are not the whole answer, of as many pages of `path` (with a query) as `limit` needs.
pub(crate) async fn items(
    api: &Api,
    path: &str,
    key: Option<&str>,
    limit: u32,
) -> Outcome<Vec<Value>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    let mut url = api.url(path)?;
    loop {
        let (mut page, headers) = ask_for(api, url).await?;
        let page = match key {
            Some(key) => page[key].take(),
            None => page,
        };
        if let Value::Array(page) = page {
            items.extend(page);
        }
        let next = ask::next_page(&headers).filter(|_| items.len() < limit);
        let Some(next) = next else { break };
        url = api.url(&next)?;
    }
    items.truncate(limit);
    Ok(items)
}

/// Asks for one object.
pub(crate) async fn object(api: &Api, path: &str) -> Outcome<Value> {
    Ok(ask_for(api, api.url(path)?).await?.0)
}

async fn ask_for(api: &Api, url: url::Url) -> Outcome<(Value, HeaderMap)> {
    let call = Call {
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: Bytes::new(),
    };
    let (head, body) = api.send(call).await?.into_parts();
    let body = ask::whole(body).await?;
    if let Some(verdict) = ask::verdict(head.status, &head.headers, &body, false) {
        return Err(CommandError::message(verdict.ending, verdict.message));
    }
    if let Some(note) = ask::note_of_staleness(&head.headers) {
        output::say(&note);
    }
    let value = serde_json::from_slice(&body).map_err(anyhow::Error::from)?;
    Ok((value, head.headers))
}

/// Returns one segment of a path, or a value of a query.
pub(crate) fn encoded(text: &str) -> String {
    const KEPT: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.');
    percent_encoding::utf8_percent_encode(text, &KEPT).to_string()
}

/// Returns a field for a table: other people's text, so no line breaks and nothing that a terminal would obey.
pub(crate) fn text(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::String(text) => text.chars().filter(|c| !c.is_control()).collect(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Returns how long ago the instant in a field was, for people.
pub(crate) fn age(value: &Value, name: &str) -> String {
    let now = TokioRuntime.now().as_millis() / 1000;
    let at = value[name].as_str().and_then(seconds);
    at.map_or_else(String::new, |at| output::human_age(now.saturating_sub(at)))
}

/// Returns an instant of GitHub's in seconds since 1970.
fn seconds(text: &str) -> Option<u64> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()?
        .unix_timestamp()
        .try_into()
        .ok()
}
