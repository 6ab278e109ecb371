//! `{owner}`, `{repo}` and `{branch}`: from `GH_REPO`, else from the git repository around.

use std::fmt;

use crate::error::{CommandError, Ending, Outcome};
use crate::gh;
use crate::listing::encoded;

/// Values of placeholders, found on first use.
#[derive(Debug, Default)]
pub(crate) struct Placeholders {
    repository: Option<(String, String)>,
    branch: Option<String>,
}

impl Placeholders {
    #[cfg(test)]
    pub(crate) fn of(owner: &str, repo: &str) -> Self {
        Self {
            repository: Some((owner.to_owned(), repo.to_owned())),
            branch: Some("main".to_owned()),
        }
    }

    /// Returns `text` with its placeholders filled, also in their old spelling `:owner`.
    pub(crate) fn fill(&mut self, text: &str) -> Outcome<String> {
        let mut filled = text.to_owned();
        for name in ["owner", "repo", "branch"] {
            let brace = format!("{{{name}}}");
            if filled.contains(&brace) {
                filled = filled.replace(&brace, &self.value(name)?);
            }
            if filled
                .split('/')
                .any(|segment| segment.strip_prefix(':') == Some(name))
            {
                let value = self.value(name)?;
                let segments = filled.split('/');
                let segments = segments.map(|segment| {
                    if segment.strip_prefix(':') == Some(name) {
                        &value
                    } else {
                        segment
                    }
                });
                filled = segments.collect::<Vec<_>>().join("/");
            }
        }
        Ok(filled)
    }

    fn value(&mut self, name: &str) -> Outcome<String> {
        if name == "branch" {
            if self.branch.is_none() {
                self.branch = gh::git(&["symbolic-ref", "--quiet", "--short", "HEAD"])
                    .map(|text| text.trim().to_owned());
            }
            return self.branch.clone().ok_or_else(|| {
                CommandError::message(Ending::Failed, "the git repository around is on no branch")
                    .aim("could not fill {branch}")
            });
        }
        if self.repository.is_none() {
            self.repository = Some(repository()?);
        }
        let (owner, repo) = self.repository.clone().unwrap_or_default();
        Ok(if name == "owner" { owner } else { repo })
    }
}

/// A repository.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    owner: String,
    name: String,
}

impl Repository {
    /// Returns where it is in the API.
    pub(crate) fn path(&self) -> String {
        format!("repos/{}/{}", encoded(&self.owner), encoded(&self.name))
    }

    /// Reads `OWNER/REPO`.
    pub(crate) fn parse(given: &str) -> Outcome<Self> {
        let parsed = parse_name(given);
        let (owner, name) = parsed.ok_or_else(|| {
            CommandError::message(Ending::Usage, format!("{given:?} is not OWNER/REPO"))
        })?;
        Ok(Self { owner, name })
    }

    /// Returns the one that is meant where none is named.
    pub(crate) fn around() -> Outcome<Self> {
        let (owner, name) = repository()?;
        Ok(Self { owner, name })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The flag of commands that are about a repository.
#[derive(Clone, Debug, Default, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
pub(crate) struct RepoFlag {
    /// Repository [env: GH_REPO] [default: that of the git repository around]
    #[arg(short = 'R', long, value_name = "OWNER/REPO")]
    repo: Option<String>,
}

impl RepoFlag {
    /// Returns the repository that is meant.
    pub(crate) fn find(&self) -> Outcome<Repository> {
        match &self.repo {
            Some(given) => Repository::parse(given),
            None => Repository::around(),
        }
    }
}

fn repository() -> Outcome<(String, String)> {
    let aim = "could not tell which repository is meant";
    if let Some(given) = std::env::var("GH_REPO")
        .ok()
        .filter(|given| !given.is_empty())
    {
        return parse_name(&given).ok_or_else(|| {
            CommandError::message(
                Ending::Usage,
                format!("GH_REPO is {given:?}, which is not OWNER/REPO"),
            )
            .aim(aim)
        });
    }
    let remotes = gh::git(&["remote", "-v"]).unwrap_or_default();
    from_remotes(&remotes).ok_or_else(|| {
        CommandError::message(Ending::Failed, "no git remote around names one")
            .aim(aim)
            .hint("set GH_REPO=OWNER/REPO, or name the repository")
    })
}

/// Reads `[HOST/]OWNER/REPO`.
fn parse_name(text: &str) -> Option<(String, String)> {
    let mut parts = text.trim_end_matches('/').rsplit('/');
    let (repo, owner) = (parts.next()?, parts.next()?);
    let repo = repo.strip_suffix(".git").unwrap_or(repo);
    (parts.count() <= 1 && !owner.is_empty() && !repo.is_empty())
        .then(|| (owner.to_owned(), repo.to_owned()))
}

/// Picks a remote as `gh` does: `upstream`, `github`, `origin`, then any.
fn from_remotes(remotes: &str) -> Option<(String, String)> {
    let mut found: Vec<(usize, (String, String))> = remotes
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, url) = (words.next()?, words.next()?);
            let rank = ["upstream", "github", "origin"]
                .iter()
                .position(|known| *known == name)
                .unwrap_or(3);
            Some((rank, from_url(url)?))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().next().map(|(_, name)| name)
}

/// Reads `https://HOST/OWNER/REPO.git`, `ssh://git@HOST/OWNER/REPO` and `git@HOST:OWNER/REPO.git`.
fn from_url(url: &str) -> Option<(String, String)> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':')?.1,
    };
    parse_name(path.trim_start_matches('/')).filter(|(owner, _)| !owner.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in_both_spellings() {
        let mut placeholders = Placeholders::of("octo", "hello");
        let mut fill = |text| placeholders.fill(text).unwrap();
        assert_eq!(
            fill("repos/{owner}/{repo}/branches/{branch}"),
            "repos/octo/hello/branches/main"
        );
        assert_eq!(fill("/repos/:owner/:repo/pulls"), "/repos/octo/hello/pulls");
        assert_eq!(fill("repos/a/b?q=:owners"), "repos/a/b?q=:owners");
    }

    #[test]
    fn remotes_name_repositories() {
        let expected = Some(("octo".to_owned(), "hello".to_owned()));
        for url in [
            "https://github.com/octo/hello.git",
            "https://github.com/octo/hello",
            "git@github.com:octo/hello.git",
            "ssh://git@github.com/octo/hello.git",
        ] {
            assert_eq!(from_url(url), expected, "{url}");
        }
        assert_eq!(from_url("/srv/git/hello.git"), None);
        let remotes = "origin\tgit@github.com:me/hello.git (fetch)\nupstream\thttps://github.com/octo/hello (fetch)\n";
        assert_eq!(from_remotes(remotes), expected);
        assert_eq!(parse_name("ghe.corp/octo/hello"), expected);
        assert_eq!(parse_name("hello"), None);
    }
}
