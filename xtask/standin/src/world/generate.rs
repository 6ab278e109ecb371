//! The data set, drawn from a seed.

use sha2::{Digest, Sha256};

use crate::clock::Time;
use crate::config::DataSet;
use crate::model::{
    Account, AccountIdx, AccountKind, Artifact, Asset, Branch, Change, Comment, Commit, Event,
    File, Issue, Job, Label, Pull, Release, Repo, Review, Run, Runner, Workflow,
};

/// 2025-01-01: all generated times are around it, so that answers do not depend on the day.
const EPOCH: Time = Time(1_735_689_600);
const DAY: i64 = 86_400;

const OCTOCAT: AccountIdx = 0;
const HUBOT: AccountIdx = 1;
const OCTO_ORG: AccountIdx = 2;
const OCTO_MANY: AccountIdx = 3;

const LANGUAGES: [Option<&str>; 5] = [
    Some("Rust"),
    Some("Go"),
    Some("Ruby"),
    Some("TypeScript"),
    None,
];
const WORDS: [&str; 12] = [
    "cache", "runner", "token", "queue", "page", "branch", "merge", "socket", "header", "retry",
    "build", "lease",
];
const CONCLUSIONS: [&str; 5] = ["success", "success", "success", "failure", "cancelled"];
const EVENTS: [&str; 3] = ["push", "pull_request", "schedule"];

/// How much a repository holds.
struct Sizes {
    issues: usize,
    pulls: usize,
    runs: usize,
    releases: usize,
    branches: usize,
    commits: usize,
}

pub(super) fn generate(config: &DataSet) -> (Vec<Account>, Vec<Repo>) {
    let account = |id, login: &str, kind, name: &str| Account {
        id,
        login: login.into(),
        kind,
        name: name.into(),
        created_at: EPOCH.plus(-1_000 * DAY),
        updated_at: EPOCH,
    };
    let accounts = vec![
        account(583_231, "octocat", AccountKind::User, "The Octocat"),
        account(480_938, "hubot", AccountKind::User, "Hubot"),
        account(
            9_919_001,
            "octo-org",
            AccountKind::Organization,
            "Octo Organization",
        ),
        account(583_240, "octo-many", AccountKind::User, "Octo Many"),
        account(
            41_898_282,
            "standin-app[bot]",
            AccountKind::Bot,
            "Stand-in app",
        ),
    ];
    let full = Sizes {
        issues: config.issues,
        pulls: config.pulls,
        runs: config.runs,
        releases: 12,
        branches: 35,
        commits: 110,
    };
    let light = Sizes {
        issues: 2,
        pulls: 1,
        runs: 3,
        releases: 1,
        branches: 1,
        commits: 3,
    };
    let mut repos = Vec::new();
    for (owner, name, private) in [
        (OCTOCAT, "Hello-World", false),
        (OCTOCAT, "private-notes", true),
        (HUBOT, "dotfiles", false),
        (HUBOT, "private-lab", true),
        (OCTO_ORG, "public-1", false),
        (OCTO_ORG, "public-2", false),
        (OCTO_ORG, "private-1", true),
        (OCTO_ORG, "private-2", true),
    ] {
        let sizes = if owner == HUBOT { &light } else { &full };
        let idx = repos.len();
        repos.push(Draw::new(config.seed, idx).repo(&accounts, owner, name, private, sizes));
    }
    for number in 1..=config.many_repos {
        let idx = repos.len();
        let name = format!("repo-{number:03}");
        repos.push(Draw::new(config.seed, idx).repo(&accounts, OCTO_MANY, &name, false, &light));
    }
    (accounts, repos)
}

/// Draws the values of one repository.
struct Draw {
    seed: u64,
    idx: u64,
    /// Ids of a repository's objects are `idx` million and something, so no two repositories share one.
    next_id: u64,
    state: u64,
}

impl Draw {
    fn new(seed: u64, idx: usize) -> Self {
        let idx = idx as u64 + 1;
        Self {
            seed,
            idx,
            next_id: idx * 1_000_000,
            state: seed
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add(idx << 32),
        }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The generator `SplitMix64`.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        usize::try_from(z % bound as u64).unwrap_or(0)
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }

    fn person(&mut self) -> AccountIdx {
        [OCTOCAT, HUBOT][self.below(2)]
    }

    fn sha(&self, kind: &str, number: usize) -> String {
        let digest =
            Sha256::digest(format!("{}/{}/{kind}/{number}", self.seed, self.idx).as_bytes());
        hex::encode(&digest[..20])
    }

    fn repo(
        mut self,
        accounts: &[Account],
        owner: AccountIdx,
        name: &str,
        private: bool,
        sizes: &Sizes,
    ) -> Repo {
        let created_at = EPOCH.plus(-DAY * i64::try_from(400 + self.idx).unwrap_or(400));
        let commits: Vec<Commit> = (0..sizes.commits)
            .map(|n| self.commit("commit", n, n + 1 < sizes.commits))
            .collect();
        let labels = self.labels();
        let mut repo = Repo {
            id: 1_296_000 + self.idx,
            owner,
            name: name.into(),
            full_name: format!("{}/{name}", accounts[owner].login),
            private,
            archived: false,
            description: Some(format!("Repository about the {}", self.word())),
            language: LANGUAGES[self.below(LANGUAGES.len())],
            topics: vec!["octo".into(), self.word().into()],
            default_branch: "main".into(),
            stargazers: Vec::new(),
            stars: self.below(90) as u64,
            forks: self.below(9) as u64,
            created_at,
            updated_at: EPOCH,
            pushed_at: commits.first().map_or(EPOCH, |commit| commit.date),
            labels,
            issues: Vec::new(),
            workflows: self.workflows(created_at),
            runs: Vec::new(),
            runners: self.runners(),
            releases: Vec::new(),
            branches: Vec::new(),
            files: self.files(name),
            events: Vec::new(),
            commits,
        };
        repo.branches = self.branches(&repo, sizes.branches);
        for number in 1..=sizes.issues + sizes.pulls {
            // Pull requests are spread evenly among the issues.
            let is_pull = sizes.pulls > 0 && number % (sizes.issues / sizes.pulls + 1) == 0;
            let issue = self.issue(&repo, number, is_pull);
            repo.issues.push(issue);
        }
        repo.runs = (0..sizes.runs)
            .map(|n| self.run(&repo, n, sizes.runs))
            .collect();
        repo.releases = (0..sizes.releases)
            .map(|n| self.release(&repo, n, sizes.releases))
            .collect();
        repo.events = (0..sizes.commits.min(40))
            .map(|n| Event {
                id: self.id(),
                actor: self.person(),
                created_at: repo.commits[n].date,
                pushed: (n % 4 != 3).then(|| repo.commits[n].sha.clone()),
            })
            .collect();
        repo
    }

    fn commit(&mut self, kind: &str, number: usize, has_parent: bool) -> Commit {
        let word = self.word();
        Commit {
            sha: self.sha(kind, number),
            tree: self.sha("tree", number),
            parent: has_parent.then(|| self.sha(kind, number + 1)),
            message: format!("{word}: change number {number}"),
            author: self.person(),
            date: EPOCH.plus(-i64::try_from(number).unwrap_or(0) * 7_200),
            changes: vec![self.change(number)],
        }
    }

    fn change(&mut self, number: usize) -> Change {
        let word = self.word();
        Change {
            path: format!("src/{word}.rs"),
            status: "modified",
            additions: 1,
            deletions: 1,
            blob_sha: self.sha("blob", number),
            patch: format!(
                "@@ -{number},3 +{number},3 @@\n fn {word}() {{\n-    old({number})\n+    new({number})\n }}"
            ),
        }
    }

    fn labels(&mut self) -> Vec<Label> {
        [
            ("bug", "d73a4a", "Something isn't working"),
            ("enhancement", "a2eeef", "New feature or request"),
            ("good first issue", "7057ff", "Good for newcomers"),
            ("documentation", "0075ca", "Improvements to documentation"),
        ]
        .into_iter()
        .map(|(name, color, description)| Label {
            id: self.id(),
            name: name.into(),
            color: color.into(),
            description: Some(description.into()),
        })
        .collect()
    }

    fn workflows(&mut self, created_at: Time) -> Vec<Workflow> {
        ["CI", "Release"]
            .into_iter()
            .map(|name| Workflow {
                id: self.id(),
                name: name.into(),
                path: format!(".github/workflows/{}.yml", name.to_ascii_lowercase()),
                created_at,
            })
            .collect()
    }

    fn runners(&mut self) -> Vec<Runner> {
        (1..=4)
            .map(|number| Runner {
                id: self.id(),
                name: format!("runner-{number}"),
                os: "Linux",
                online: number != 4,
                busy: number == 1,
                labels: ["self-hosted", "Linux", "X64"].map(String::from).to_vec(),
            })
            .collect()
    }

    fn files(&mut self, name: &str) -> Vec<File> {
        [
            (
                "README.md",
                format!("# {name}\n\nAll about the {}.\n", self.word()),
            ),
            ("LICENSE", "MIT\n".to_owned()),
            ("src/main.rs", "fn main() {}\n".to_owned()),
            (
                ".github/workflows/ci.yml",
                "name: CI\non: push\njobs:\n  build:\n    runs-on: self-hosted\n    steps: []\n"
                    .to_owned(),
            ),
        ]
        .into_iter()
        .map(|(path, text)| File {
            path: path.into(),
            sha: hex::encode(&Sha256::digest(text.as_bytes())[..20]),
            text,
        })
        .collect()
    }

    fn branches(&mut self, repo: &Repo, count: usize) -> Vec<Branch> {
        (0..count)
            .map(|n| Branch {
                name: if n == 0 {
                    repo.default_branch.clone()
                } else {
                    format!("feature/{}-{n}", self.word())
                },
                sha: repo.commits[n % repo.commits.len()].sha.clone(),
                protected: n == 0,
            })
            .collect()
    }

    fn issue(&mut self, repo: &Repo, number: usize, is_pull: bool) -> Issue {
        let offset = i64::try_from(number).unwrap_or(0);
        let created_at = EPOCH.plus(-200 * DAY + offset * 36_000);
        let closed_at = number.is_multiple_of(3).then(|| created_at.plus(2 * DAY));
        let id = self.id();
        let pull = is_pull.then(|| {
            let commit = self.commit("pull", number, false);
            Pull {
                head_ref: format!("patch-{number}"),
                head_sha: commit.sha.clone(),
                base_ref: repo.default_branch.clone(),
                base_sha: repo.commits[0].sha.clone(),
                draft: number.is_multiple_of(5),
                merged_at: closed_at.filter(|_| number.is_multiple_of(2)),
                merge_commit_sha: self.sha("merge", number),
                files: commit.changes.clone(),
                reviews: vec![Review {
                    id: self.id(),
                    user: self.person(),
                    body: "Looks good".into(),
                    state: "APPROVED",
                    submitted_at: created_at.plus(DAY),
                }],
                commits: vec![commit],
            }
        });
        let comments: Vec<Comment> = (0..self.below(4))
            .map(|n| {
                let at = created_at.plus(3_600 * (i64::try_from(n).unwrap_or(0) + 1));
                Comment {
                    id: self.id(),
                    user: self.person(),
                    body: format!("The {} again", self.word()),
                    created_at: at,
                    updated_at: at,
                }
            })
            .collect();
        Issue {
            id,
            number: number as u64,
            title: format!("The {} fails when the {} moves", self.word(), self.word()),
            body: Some(format!("Seen with the {}.", self.word())),
            user: self.person(),
            labels: (number % 2 == 1)
                .then(|| repo.labels[number % repo.labels.len()].name.clone())
                .into_iter()
                .collect(),
            updated_at: closed_at
                .or(comments.last().map(|comment| comment.created_at))
                .unwrap_or(created_at),
            comments,
            created_at,
            closed_at,
            state_reason: (closed_at.is_some() && !is_pull).then_some("completed"),
            pull,
        }
    }

    fn run(&mut self, repo: &Repo, n: usize, count: usize) -> Run {
        let created_at = EPOCH.plus(-i64::try_from(n).unwrap_or(0) * 3_600);
        let (status, conclusion) = match n {
            0 => ("queued", None),
            1 => ("in_progress", None),
            _ => ("completed", Some(CONCLUSIONS[self.below(5)])),
        };
        let commit = &repo.commits[n % repo.commits.len()];
        let finished = conclusion.map(|_| created_at.plus(600));
        let workflow = n % repo.workflows.len();
        Run {
            id: self.id(),
            number: (count - n) as u64,
            workflow,
            branch: repo.branches[n % repo.branches.len()].name.clone(),
            head_sha: commit.sha.clone(),
            event: EVENTS[self.below(3)],
            title: commit.message.clone(),
            status,
            conclusion,
            attempt: 1,
            actor: commit.author,
            created_at,
            started_at: created_at,
            updated_at: finished.unwrap_or(created_at),
            jobs: ["build", "test"]
                .into_iter()
                .map(|name| Job {
                    id: self.id(),
                    name: name.into(),
                    status,
                    conclusion,
                    created_at,
                    started_at: created_at.plus(5),
                    completed_at: finished,
                    runner: (status != "queued").then(|| repo.runners[0].id),
                    labels: repo.runners[0].labels.clone(),
                })
                .collect(),
            artifacts: vec![Artifact {
                id: self.id(),
                name: "logs".into(),
                size: 200_000,
                created_at,
            }],
        }
    }

    fn release(&mut self, repo: &Repo, n: usize, count: usize) -> Release {
        let created_at = EPOCH.plus(-i64::try_from(n).unwrap_or(0) * 10 * DAY);
        let tag = format!("v1.{}.0", count - 1 - n);
        Release {
            id: self.id(),
            sha: repo.commits[n % repo.commits.len()].sha.clone(),
            name: format!("Release {tag}"),
            body: format!("Improves the {}.", self.word()),
            draft: false,
            prerelease: n == 1,
            author: OCTOCAT,
            created_at,
            updated_at: created_at,
            assets: vec![Asset {
                id: self.id(),
                name: format!("{}-{tag}.tar.gz", repo.name),
                content_type: "application/gzip".into(),
                size: 300_000,
                digest: None,
                downloads: self.below(500) as u64,
                uploader: OCTOCAT,
                created_at,
            }],
            tag,
        }
    }
}
