//! Which handler answers which path.

use http::Method;

use crate::call::{Answer, Call};
use crate::rest::{accounts, actions, git, issues, misc, pulls, releases, repos};
use crate::world::World;

/// Answers without changing anything. `None` is GitHub's 404.
type Read = fn(&Call<'_>, &World) -> Option<Answer>;
/// Answers and may change the world.
type Write = fn(&Call<'_>, &mut World) -> Option<Answer>;

/// How a route is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Handler {
    Read(Read),
    Write(Write),
    RateLimit,
    GraphQl,
    Upload,
}

/// Budgets of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Resource {
    Core,
    Search,
    GraphQl,
    RunnerRegistration,
}

impl Resource {
    pub(crate) const ALL: [Self; 4] = [
        Self::Core,
        Self::Search,
        Self::GraphQl,
        Self::RunnerRegistration,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Search => "search",
            Self::GraphQl => "graphql",
            Self::RunnerRegistration => "actions_runner_registration",
        }
    }
}

/// One route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// Segments in braces are parameters; the last may be `{name+}`, which takes the rest of the path.
    pub(crate) template: &'static str,
    pub(crate) resource: Resource,
    pub(crate) handler: Handler,
}

const fn read(template: &'static str, handler: Read) -> Route {
    Route {
        method: Method::GET,
        template,
        resource: Resource::Core,
        handler: Handler::Read(handler),
    }
}

const fn write(method: Method, template: &'static str, handler: Write) -> Route {
    Route {
        method,
        template,
        resource: Resource::Core,
        handler: Handler::Write(handler),
    }
}

const fn search(template: &'static str, handler: Read) -> Route {
    Route {
        method: Method::GET,
        template,
        resource: Resource::Search,
        handler: Handler::Read(handler),
    }
}

static ROUTES: &[Route] = &[
    read("/", misc::root),
    read("/meta", misc::meta),
    read("/versions", misc::versions),
    read("/zen", misc::zen),
    Route {
        method: Method::GET,
        template: "/rate_limit",
        resource: Resource::Core,
        handler: Handler::RateLimit,
    },
    Route {
        method: Method::POST,
        template: "/graphql",
        resource: Resource::GraphQl,
        handler: Handler::GraphQl,
    },
    read("/user", accounts::me),
    read("/user/repos", accounts::my_repos),
    read("/users/{username}", accounts::user),
    read("/users/{username}/repos", accounts::user_repos),
    read("/orgs/{org}", accounts::org),
    read("/orgs/{org}/repos", accounts::org_repos),
    read("/orgs/{org}/actions/runners", actions::org_runners),
    read(
        "/orgs/{org}/actions/runners/{runner_id}",
        actions::org_runner,
    ),
    Route {
        method: Method::POST,
        template: "/orgs/{org}/actions/runners/registration-token",
        resource: Resource::RunnerRegistration,
        handler: Handler::Write(actions::org_registration_token),
    },
    search("/search/repositories", misc::search_repos),
    search("/search/issues", misc::search_issues),
    read("/repos/{owner}/{repo}", repos::one),
    write(Method::PATCH, "/repos/{owner}/{repo}", repos::update),
    read("/repos/{owner}/{repo}/topics", repos::topics),
    read("/repos/{owner}/{repo}/languages", repos::languages),
    read("/repos/{owner}/{repo}/events", repos::events),
    read("/repos/{owner}/{repo}/stargazers", repos::stargazers),
    read("/repos/{owner}/{repo}/labels", repos::labels),
    write(
        Method::POST,
        "/repos/{owner}/{repo}/labels",
        repos::create_label,
    ),
    read("/repos/{owner}/{repo}/labels/{name}", repos::label),
    write(
        Method::DELETE,
        "/repos/{owner}/{repo}/labels/{name}",
        repos::delete_label,
    ),
    read("/repos/{owner}/{repo}/contents", repos::contents),
    read("/repos/{owner}/{repo}/contents/{path+}", repos::contents),
    read("/repos/{owner}/{repo}/readme", repos::readme),
    read("/repos/{owner}/{repo}/tarball", repos::archive),
    read("/repos/{owner}/{repo}/tarball/{ref+}", repos::archive),
    read("/repos/{owner}/{repo}/zipball/{ref+}", repos::archive),
    read("/repos/{owner}/{repo}/branches", git::branches),
    read("/repos/{owner}/{repo}/branches/{branch+}", git::branch),
    read("/repos/{owner}/{repo}/commits", git::commits),
    read(
        "/repos/{owner}/{repo}/commits/{ref}/check-runs",
        git::check_runs,
    ),
    read(
        "/repos/{owner}/{repo}/commits/{ref}/status",
        git::combined_status,
    ),
    read("/repos/{owner}/{repo}/commits/{ref+}", git::commit),
    read("/repos/{owner}/{repo}/tags", git::tags),
    read("/repos/{owner}/{repo}/git/ref/{ref+}", git::reference),
    read(
        "/repos/{owner}/{repo}/git/matching-refs/{ref+}",
        git::matching_refs,
    ),
    read("/repos/{owner}/{repo}/actions/runs", actions::runs),
    read("/repos/{owner}/{repo}/actions/runs/{run_id}", actions::run),
    read(
        "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs",
        actions::jobs,
    ),
    read(
        "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt}",
        actions::run,
    ),
    read(
        "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt}/jobs",
        actions::jobs,
    ),
    read(
        "/repos/{owner}/{repo}/actions/runs/{run_id}/logs",
        actions::run_logs,
    ),
    read(
        "/repos/{owner}/{repo}/actions/runs/{run_id}/artifacts",
        actions::run_artifacts,
    ),
    write(
        Method::POST,
        "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun",
        actions::rerun,
    ),
    write(
        Method::POST,
        "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel",
        actions::cancel,
    ),
    read("/repos/{owner}/{repo}/actions/jobs/{job_id}", actions::job),
    read(
        "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs",
        actions::job_logs,
    ),
    read(
        "/repos/{owner}/{repo}/actions/workflows",
        actions::workflows,
    ),
    read(
        "/repos/{owner}/{repo}/actions/workflows/{workflow_id}",
        actions::workflow,
    ),
    read(
        "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
        actions::workflow_runs,
    ),
    read("/repos/{owner}/{repo}/actions/runners", actions::runners),
    read(
        "/repos/{owner}/{repo}/actions/runners/{runner_id}",
        actions::runner,
    ),
    Route {
        method: Method::POST,
        template: "/repos/{owner}/{repo}/actions/runners/registration-token",
        resource: Resource::RunnerRegistration,
        handler: Handler::Write(actions::registration_token),
    },
    read(
        "/repos/{owner}/{repo}/actions/artifacts",
        actions::artifacts,
    ),
    read(
        "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{format}",
        actions::artifact_zip,
    ),
    read("/repos/{owner}/{repo}/issues", issues::list),
    write(Method::POST, "/repos/{owner}/{repo}/issues", issues::create),
    read("/repos/{owner}/{repo}/issues/{issue_number}", issues::one),
    write(
        Method::PATCH,
        "/repos/{owner}/{repo}/issues/{issue_number}",
        issues::update,
    ),
    read(
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
        issues::comments,
    ),
    write(
        Method::POST,
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
        issues::create_comment,
    ),
    read(
        "/repos/{owner}/{repo}/issues/{issue_number}/labels",
        issues::labels,
    ),
    write(
        Method::DELETE,
        "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
        issues::remove_label,
    ),
    read("/repos/{owner}/{repo}/pulls", pulls::list),
    read("/repos/{owner}/{repo}/pulls/{pull_number}", pulls::one),
    read(
        "/repos/{owner}/{repo}/pulls/{pull_number}/files",
        pulls::files,
    ),
    read(
        "/repos/{owner}/{repo}/pulls/{pull_number}/commits",
        pulls::commits,
    ),
    read(
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
        pulls::reviews,
    ),
    read("/repos/{owner}/{repo}/releases", releases::list),
    read("/repos/{owner}/{repo}/releases/latest", releases::latest),
    read(
        "/repos/{owner}/{repo}/releases/tags/{tag+}",
        releases::by_tag,
    ),
    read(
        "/repos/{owner}/{repo}/releases/assets/{asset_id}",
        releases::asset,
    ),
    read("/repos/{owner}/{repo}/releases/{release_id}", releases::one),
    read(
        "/repos/{owner}/{repo}/releases/{release_id}/assets",
        releases::assets,
    ),
    Route {
        method: Method::POST,
        template: "/repos/{owner}/{repo}/releases/{release_id}/assets",
        resource: Resource::Core,
        handler: Handler::Upload,
    },
];

/// A route found, with the values of its parameters.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) route: &'static Route,
    pub(crate) params: Vec<(&'static str, String)>,
    /// The path after the repository, as sent.
    pub(crate) tail: String,
}

/// Finds the route of a path. HEAD finds what GET does.
pub(crate) fn find(method: &Method, path: &str, world: &World) -> Option<Found> {
    let method = if method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    let sent = canonical_segments(path, world)?;
    let segments: Vec<&str> = sent.iter().map(String::as_str).collect();
    let (route, params) = ROUTES
        .iter()
        .filter(|route| route.method == *method)
        .find_map(|route| Some((route, matches(route.template, &segments)?)))?;
    let tail = segments
        .get(3..)
        .map(|rest| rest.join("/"))
        .unwrap_or_default();
    Some(Found {
        route,
        params,
        tail,
    })
}

/// Splits a path, with ids of repositories and accounts replaced by their names.
fn canonical_segments(path: &str, world: &World) -> Option<Vec<String>> {
    if path == "/" {
        return Some(Vec::new());
    }
    let mut segments: Vec<String> = path
        .strip_prefix('/')?
        .split('/')
        .map(String::from)
        .collect();
    let id = segments.get(1).and_then(|id| id.parse::<u64>().ok());
    let account = |id: u64| {
        world
            .accounts
            .iter()
            .find(|account| account.id == id)
            .map(|account| account.login.clone())
    };
    match (segments[0].as_str(), id) {
        ("repositories", Some(id)) => {
            let repo = &world.repos[world.repo_by_id(id)?];
            let (owner, name) = repo.full_name.split_once('/')?;
            segments.splice(..2, ["repos", owner, name].map(String::from));
        }
        ("user", Some(id)) => {
            segments.splice(..2, ["users".to_owned(), account(id)?]);
        }
        ("organizations", Some(id)) => {
            segments.splice(..2, ["orgs".to_owned(), account(id)?]);
        }
        _ => {}
    }
    Some(segments)
}

fn matches(template: &'static str, segments: &[&str]) -> Option<Vec<(&'static str, String)>> {
    let mut params = Vec::new();
    let mut rest = segments.iter();
    for part in template.split('/').filter(|part| !part.is_empty()) {
        let segment = rest.next()?;
        match part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        {
            Some(name) => {
                let value = if let Some(name) = name.strip_suffix('+') {
                    let all: Vec<&str> = std::iter::once(segment)
                        .chain(rest.by_ref())
                        .copied()
                        .collect();
                    (name, all.join("/"))
                } else {
                    (name, (*segment).to_owned())
                };
                // An empty segment, as after a slash at the end, is no value.
                if value.1.is_empty() || value.1.ends_with('/') {
                    return None;
                }
                params.push((value.0, crate::call::decode(&value.1)));
            }
            None if part == *segment => {}
            None => return None,
        }
    }
    rest.next().is_none().then_some(params)
}
