//! One request as handlers see it, and the answers they give.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::clock::Time;
use crate::model::Repo;
use crate::template::{put_list, write_to};
use crate::view::View;
use crate::world::{Viewer, World};

/// Items on a page unless the request says otherwise, and the most it may say.
const DEFAULT_PER_PAGE: usize = 30;
const MAX_PER_PAGE: usize = 100;

/// Kinds of body that `Accept` can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Raw,
    Html,
    Diff,
    Patch,
    Octets,
}

impl Media {
    pub(crate) fn from_accept(accept: &str) -> Self {
        for kind in accept.split(',') {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            if kind == "application/octet-stream" {
                return Self::Octets;
            }
            let Some(params) = kind.strip_prefix("application/vnd.github") else {
                continue;
            };
            for param in params.trim_end_matches("+json").split('.') {
                match param {
                    "raw" => return Self::Raw,
                    "html" => return Self::Html,
                    "diff" => return Self::Diff,
                    "patch" => return Self::Patch,
                    _ => {}
                }
            }
        }
        Self::Json
    }

    /// What `x-github-media-type` says.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Json | Self::Octets => "github.v3; format=json",
            Self::Raw => "github.v3; param=raw",
            Self::Html => "github.v3; param=html",
            Self::Diff => "github.v3; param=diff",
            Self::Patch => "github.v3; param=patch",
        }
    }
}

/// One request.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Values of the route's parameters, decoded.
    pub(crate) params: Vec<(&'static str, String)>,
    pub(crate) query: Vec<(String, String)>,
    /// The path after the repository, as sent: `issues/7/comments`.
    pub(crate) tail: String,
    pub(crate) media: Media,
    pub(crate) viewer: &'a Viewer<'a>,
    pub(crate) body: Value,
    pub(crate) now: Time,
    pub(crate) api: &'a str,
    pub(crate) uploads: &'a str,
}

impl<'a> Call<'a> {
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.param(name).parse().ok()
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Returns where the repository of the path is, if the viewer may know that it exists.
    pub(crate) fn repo_idx(&self, world: &World) -> Option<usize> {
        let idx = world.repo_idx(&format!("{}/{}", self.param("owner"), self.param("repo")))?;
        self.viewer.sees(&world.repos[idx]).then_some(idx)
    }

    pub(crate) fn repo<'w>(&self, world: &'w World) -> Option<&'w Repo> {
        self.repo_idx(world).map(|idx| &world.repos[idx])
    }

    pub(crate) fn view<'v>(&'v self, world: &'v World) -> View<'v> {
        View {
            world,
            viewer: self.viewer,
            api: self.api,
            uploads: self.uploads,
        }
    }

    /// The list of `repo` that the path names, in GitHub's canonical spelling.
    pub(crate) fn canonical(&self, repo: &Repo) -> String {
        format!("/repositories/{}/{}", repo.id, self.tail)
    }

    /// Answers the asked page of `items`, with `Link` to the others.
    ///
    /// `path` is where the list is, canonically. With `wrap`, the page is an object with a `total_count`.
    pub(crate) fn page<T>(
        &self,
        path: &str,
        wrap: Option<&str>,
        items: &[T],
        mut each: impl FnMut(&T, &mut String),
    ) -> Answer {
        let number = |name, default| {
            self.query(name)
                .and_then(|text| text.parse::<usize>().ok())
                .filter(|number| *number > 0)
                .unwrap_or(default)
        };
        let per_page = number("per_page", DEFAULT_PER_PAGE).min(MAX_PER_PAGE);
        let page = number("page", 1);
        let start = (page - 1).saturating_mul(per_page).min(items.len());
        let end = start.saturating_add(per_page).min(items.len());
        let mut out = String::new();
        if let Some(name) = wrap {
            write_to(
                &mut out,
                format_args!("{{\"total_count\":{},\"{name}\":", items.len()),
            );
        }
        put_list(&mut out, &items[start..end], |item, out| each(item, out));
        if wrap.is_some() {
            out.push('}');
        }
        let last = items.len().div_ceil(per_page).max(1);
        let mut answer = Answer::json(out);
        if last > 1 {
            answer.set(header::LINK, &self.links(path, page, last));
        }
        answer
    }

    fn links(&self, path: &str, page: usize, last: usize) -> String {
        let url = |target: usize| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in self.query.iter().filter(|(name, _)| name != "page") {
                query.append_pair(name, value);
            }
            query.append_pair("page", &target.to_string());
            format!("<{}{path}?{}>", self.api, query.finish())
        };
        let mut links = Vec::new();
        if page > 1 {
            links.push(format!("{}; rel=\"prev\"", url((page - 1).min(last))));
        }
        if page < last {
            links.push(format!("{}; rel=\"next\"", url(page + 1)));
            links.push(format!("{}; rel=\"last\"", url(last)));
        }
        if page > 1 {
            links.push(format!("{}; rel=\"first\"", url(1)));
        }
        links.join(", ")
    }

    /// Answers one object.
    pub(crate) fn one(
        &self,
        world: &'a World,
        write: impl FnOnce(&View<'_>, &mut String),
    ) -> Answer {
        let mut out = String::new();
        write(&self.view(world), &mut out);
        Answer::json(out)
    }
}

/// Splits a query into decoded pairs.
pub(crate) fn parse_query(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// Decodes one segment of a path.
pub(crate) fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// What a handler answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    /// Whether GitHub gives this an entity tag.
    pub(crate) tagged: bool,
    pub(crate) last_modified: Option<Time>,
}

#[derive(Debug)]
pub(crate) enum Payload {
    Empty,
    /// A body with its content type.
    Text(String, &'static str),
}

const JSON: &str = "application/json; charset=utf-8";

impl Answer {
    pub(crate) fn json(body: String) -> Self {
        Self::text(body, JSON)
    }

    pub(crate) fn text(body: String, content_type: &'static str) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            payload: Payload::Text(body, content_type),
            tagged: true,
            last_modified: None,
        }
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            tagged: false,
            last_modified: None,
        }
    }

    /// An error as GitHub words it.
    pub(crate) fn refusal(status: StatusCode, message: &str) -> Self {
        let body = serde_json::json!({
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": status.as_str(),
        });
        Self::json(body.to_string()).with_status(status).untagged()
    }

    pub(crate) fn redirect(to: &str) -> Self {
        let mut answer = Self::empty(StatusCode::FOUND);
        answer.set(header::LOCATION, to);
        answer
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn modified_at(mut self, time: Time) -> Self {
        self.last_modified = Some(time);
        self
    }

    pub(crate) fn untagged(mut self) -> Self {
        self.tagged = false;
        self
    }

    /// Sets a header, unless the value cannot be one.
    pub(crate) fn set(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_values_fall_into_githubs_classes() {
        for (accept, media) in [
            ("", Media::Json),
            ("*/*", Media::Json),
            ("application/vnd.github+json", Media::Json),
            ("application/vnd.github.v3+json", Media::Json),
            ("application/vnd.github.v3.diff", Media::Diff),
            ("application/vnd.github.patch", Media::Patch),
            ("application/vnd.github.raw+json", Media::Raw),
            ("application/vnd.github.v3.raw", Media::Raw),
            ("application/octet-stream", Media::Octets),
        ] {
            assert_eq!(Media::from_accept(accept), media, "{accept}");
        }
    }
}
