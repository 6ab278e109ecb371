#!/usr/bin/env python3
"""Reduces GitHub's OpenAPI description to what the stand-in needs.

    npm pack @octokit/openapi && tar xf octokit-openapi-*.tgz
    python3 reduce.py package/generated/api.github.com.json

Writes beside itself:
  templates.json  one response example per kind of object, with holes where the data set's own values go:
                  "{{=name}}" stands for a whole JSON value, {{name}} inside a string for a piece of text
  schemas.json    the response schemas of the same operations, for the tests to check answers against
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
DESCRIPTION = json.load(open(sys.argv[1]))
REPO = "/repos/{owner}/{repo}"
NAMES = r"octocat/Hello-World|octocat/hello-world|octo-org/octo-repo|octo-org/octo-docs|github/hello-world|octokit/octokit\.rb"
USER_KEYS = {"owner", "user", "author", "committer", "actor", "triggering_actor", "uploader", "creator", "merged_by", "closed_by"}


def resolve(node):
    """Follows a reference (also one that stands as an example's value) to what it names."""
    while isinstance(node, dict) and "$ref" in node:
        target = DESCRIPTION
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target.get("value", target) if "/examples/" in node["$ref"] else target
    return node


def content(path, method="get", status="200"):
    kinds = resolve(DESCRIPTION["paths"][path][method]["responses"][status])["content"]
    return kinds.get("application/json") or next(iter(kinds.values()))


def example(path, *steps, method="get", status="200", name=None):
    examples = content(path, method, status)["examples"]
    value = resolve(examples[name or next(iter(examples))])
    value = resolve(value["value"] if isinstance(value, dict) and set(value) <= {"value", "summary", "description"} else value)
    for step in steps:
        value = value[step]
    return json.loads(json.dumps(value))


def punch(value, texts=(), users=True, **holes):
    """Puts holes into an example: by key (dots go deeper), for people, for the repository, then by pattern."""

    def walk(node, key=None):
        if isinstance(node, dict):
            if users and key in USER_KEYS and "login" in node:
                return "{{=" + key + "}}"
            return {k: walk(v, k) for k, v in node.items()}
        if isinstance(node, list):
            return [walk(v) for v in node]
        if isinstance(node, str) and not node.startswith("{{="):
            for pattern, text in texts:
                node = re.sub(pattern, text, node)
            node = re.sub(r"https?://api\.github\.com", "{{api}}", node)
            node = node.replace("https://uploads.github.com", "{{uploads}}")
            node = re.sub(NAMES, "{{full_name}}", node)
        return node

    value = walk(value)
    for path, hole in holes.items():
        steps = path.split("__")
        target = value
        for step in steps[:-1]:
            target = target[step]
        if hole is DROP:
            target.pop(steps[-1], None)
        else:
            target[steps[-1]] = "{{=%s}}" % hole if isinstance(hole, str) else hole[0]
    return value


DROP = object()
SHA = (r"\b[0-9a-f]{40}\b", "{{sha}}")


def same(*keys):
    return {key: key for key in keys}


def fixed(value):
    return (value,)


repo_holes = same(
    "id", "node_id", "name", "private", "description", "language", "default_branch", "open_issues_count", "topics", "archived",
    "visibility", "pushed_at", "created_at", "updated_at", "permissions", "stargazers_count", "forks_count", "size",
) | {"full_name": "full_name", "watchers_count": "stargazers_count", "mirror_url": fixed(None), "homepage": fixed(None), "git_url": fixed("git://github.com/{{full_name}}.git")}
repo_full = example(REPO)
# What the example of a list leaves out, though the lists have it and schemas of other answers ask for it.
repo_min = example("/users/{username}/repos", 0) | {key: repo_full[key] for key in ("forks", "watchers", "open_issues", "license")}
repo_same = {"forks": "forks_count", "watchers": "stargazers_count", "open_issues": "open_issues_count"}
repo_ref = example(f"{REPO}/actions/runs/{{run_id}}", "repository")
pull = example(f"{REPO}/pulls/{{pull_number}}")
issue_holes = same("id", "node_id", "number", "state", "title", "body", "labels", "comments", "created_at", "updated_at", "closed_at", "state_reason") | {
    "assignee": fixed(None), "assignees": fixed([]), "milestone": fixed(None), "locked": fixed(False), "active_lock_reason": fixed(None),
    "author_association": fixed("MEMBER"), "closed_by": fixed(None)}
pull_texts = [(r"(issues|pulls?)/1347", r"\1/{{number}}"), SHA]
pull_holes = issue_holes | same("merged_at", "merge_commit_sha", "draft", "head", "base") | {
    "requested_reviewers": fixed([]), "requested_teams": fixed([]), "comments": DROP, "state_reason": DROP, "closed_by": DROP}
commit_holes = same("node_id", "parents") | {
    "commit__message": "message", "commit__author__name": "author_name", "commit__author__email": "author_email", "commit__author__date": "date",
    "commit__committer__name": "author_name", "commit__committer__email": "author_email", "commit__committer__date": "date",
    "commit__tree__sha": "tree_sha", "commit__tree__url": fixed("{{api}}/repos/{{full_name}}/git/trees/{{tree}}")}
content_holes = same("name", "path", "size", "sha") | {
    "url": fixed("{{api}}/repos/{{full_name}}/contents/{{file_path}}?ref={{ref}}"), "git_url": fixed("{{api}}/repos/{{full_name}}/git/blobs/{{blob}}"),
    "html_url": fixed("https://github.com/{{full_name}}/blob/{{ref}}/{{file_path}}"), "download_url": "download_url",
    "_links": fixed({"git": "{{api}}/repos/{{full_name}}/git/blobs/{{blob}}", "self": "{{api}}/repos/{{full_name}}/contents/{{file_path}}?ref={{ref}}",
                     "html": "https://github.com/{{full_name}}/blob/{{ref}}/{{file_path}}"})}
user_texts = [(r"octocat(?!_happy)", "{{login}}")]
profile = same("login", "id", "node_id", "avatar_url", "name", "company", "blog", "location", "email", "bio", "twitter_username", "public_repos", "created_at", "updated_at")
run_holes = same(
    "id", "node_id", "name", "head_branch", "head_sha", "path", "run_number", "event", "display_title", "status", "conclusion", "workflow_id", "created_at", "updated_at",
    "run_attempt", "run_started_at", "repository", "check_suite_id") | {
    "head_repository": "repository", "referenced_workflows": fixed([]), "pull_requests": fixed([]), "previous_attempt_url": fixed(None), "check_suite_node_id": "check_suite_node_id",
    "head_commit__id": "head_sha", "head_commit__tree_id": "tree_sha", "head_commit__message": "display_title", "head_commit__timestamp": "created_at",
    "check_suite_url": fixed("{{api}}/repos/{{full_name}}/check-suites/{{check_suite}}")}
check_run = example(f"{REPO}/commits/{{ref}}/check-runs", "check_runs", 0)
status = example(f"{REPO}/commits/{{ref}}/status")
events = example(f"{REPO}/events")
event_holes = {"id": "id", "created_at": "created_at", "public": "public", "repo__id": "repo_id", "repo__name": "full_name"} | {
    f"actor__{key}": hole for key, hole in {"id": "actor_id", "login": "login", "display_login": "login", "url": fixed("{{api}}/users/{{actor}}"), "avatar_url": "avatar_url"}.items()}

meta = example("/meta")
meta["ssh_key_fingerprints"] = {name: str(value) for name, value in meta["ssh_key_fingerprints"].items()}

TEMPLATES = {
    "user": punch(example(REPO, "owner"), user_texts, id="id", node_id="node_id", avatar_url="avatar_url", type="type", site_admin=fixed(False)),
    "profile": punch(example("/users/{username}"), user_texts, **profile, type="type", hireable=fixed(None)),
    "me": punch(example("/user"), user_texts, **profile, private_gists=fixed(0), total_private_repos="private_repos", owned_private_repos="private_repos", hireable=fixed(None)),
    "organization": punch(example("/orgs/{org}"), [(r"\bgithub\b(?!\.com)", "{{login}}")], **same("login", "id", "node_id", "avatar_url", "name", "public_repos", "created_at", "updated_at"), html_url=fixed("https://github.com/{{login}}"), email=fixed("{{login}}@example.com"), archived_at=fixed(None),
                          secret_scanning_push_protection_custom_link=fixed(None)),
    "repo_full": punch(repo_full, **repo_holes, **{"owner": "owner", "organization": "organization", "parent": DROP, "source": DROP, "template_repository": DROP, "temp_clone_token": fixed(None)}, **repo_same),
    "repo_min": punch(repo_min, **repo_holes, **repo_same, security_and_analysis=DROP),
    "repo_ref": punch(repo_ref, **same("id", "node_id", "name", "full_name", "private", "description"), git_url=DROP, ssh_url=DROP),
    "run": punch(example(f"{REPO}/actions/runs/{{run_id}}"), [("30433642", "{{run}}"), ("159038", "{{workflow}}")], **run_holes),
    "workflow": punch(example(f"{REPO}/actions/workflows", "workflows", 0), [("161335", "{{workflow}}"), ("workflows/CI/", "workflows/{{workflow}}/")],
                      **same("id", "node_id", "name", "path", "created_at", "updated_at")),
    "job": punch(example(f"{REPO}/actions/jobs/{{job_id}}"), [("29679449", "{{run}}"), ("399444496", "{{job}}")],
                 **same("id", "run_id", "node_id", "head_sha", "head_branch", "status", "conclusion", "started_at", "completed_at", "created_at", "name", "steps", "labels", "runner_id", "runner_name", "run_attempt", "workflow_name")),
    "runner": punch(example(f"{REPO}/actions/runners", "runners", 0), **same("id", "name", "os", "status", "busy", "labels")),
    "artifact": punch(example(f"{REPO}/actions/artifacts", "artifacts", 0), [(r"artifacts/\d+", "artifacts/{{artifact}}")],
                      id="id", node_id="node_id", name="name", size_in_bytes="size", created_at="created_at", updated_at="created_at", expires_at="expires_at",
                      workflow_run="workflow_run", digest=fixed("sha256:{{digest}}")),
    "issue": punch(example(f"{REPO}/issues", 0), [(r"issues/1347", "issues/{{number}}")], **issue_holes, pull_request=DROP),
    "issue_of_pull": punch(example(f"{REPO}/issues", 0), [(r"(issues|pulls?)/1347", r"\1/{{number}}")], **issue_holes, pull_request__merged_at="merged_at", draft="draft"),
    "comment": punch(example(f"{REPO}/issues/{{issue_number}}/comments", 0), [("issues/1347", "issues/{{number}}"), ("comments/1$", "comments/{{comment}}"), ("comment-1$", "comment-{{comment}}")],
                     **same("id", "node_id", "body", "created_at", "updated_at"), author_association=fixed("MEMBER")),
    "label": punch(example(f"{REPO}/labels", 0), [("labels/bug", "labels/{{label}}")], **same("id", "node_id", "name", "description", "color", "default")),
    "pull": punch(example(f"{REPO}/pulls", 0), pull_texts, **pull_holes),
    "pull_full": punch(pull, pull_texts, **pull_holes | same("merged", "mergeable", "comments", "commits", "additions", "deletions", "changed_files") | {
        "merged_by": fixed(None), "rebaseable": "mergeable", "review_comments": fixed(0), "mergeable_state": "mergeable_state"}),
    "pull_side": {"label": "{{owner_login}}:{{ref}}", "ref": "{{=ref}}", "sha": "{{=sha}}", "user": "{{=owner}}", "repo": "{{=repo}}"},
    "file": punch(example(f"{REPO}/pulls/{{pull_number}}/files", 0), [SHA, (r"file1\.txt", "{{file_path}}")], sha="blob_sha", **same("filename", "status", "additions", "deletions", "changes", "patch")),
    "review": punch(example(f"{REPO}/pulls/{{pull_number}}/reviews", 0), [("pulls?/12", r"pulls/{{number}}"), (r"review-80$", "review-{{review}}")],
                    id="id", node_id="node_id", body="body", state="state", submitted_at="submitted_at", commit_id="commit_id", author_association=fixed("MEMBER")),
    "release": punch(example(f"{REPO}/releases", 0), [(r"releases/1\b", "releases/{{release}}"), (r"(releases|tarball|zipball)/v1\.0\.0", r"\1/{{tag}}")],
                     **same("id", "node_id", "tag_name", "name", "body", "draft", "prerelease", "created_at", "published_at", "target_commitish", "assets"),
                     html_url=fixed("https://github.com/{{full_name}}/releases/tag/{{tag}}"), updated_at="updated_at"),
    "asset": punch(example(f"{REPO}/releases", 0, "assets", 0), [("assets/1$", "assets/{{asset}}"), (r"v1\.0\.0", "{{tag}}"), (r"example\.zip", "{{asset_name}}")],
                   **same("id", "node_id", "name", "label", "content_type", "size", "digest", "download_count", "created_at", "updated_at")),
    "branch": punch(example(f"{REPO}/branches", 0), [SHA, ("branches/master", "branches/{{branch}}")], name="name", protected="protected", protection=DROP),
    "branch_full": punch(example(f"{REPO}/branches/{{branch}}"), [SHA, ("(branches|tree)/main", r"\1/{{branch}}")], name="name", protected="protected", commit="commit",
                         protection__required_status_checks=fixed({"enforcement_level": "off", "contexts": [], "checks": []})),
    "commit": punch(example(f"{REPO}/commits", 0), [SHA], **commit_holes),
    "commit_full": punch(example(f"{REPO}/commits/{{ref}}"), [SHA], **commit_holes, stats="stats", files="files"),
    "parent": {"sha": "{{=sha}}", "url": "{{api}}/repos/{{full_name}}/commits/{{parent}}", "html_url": "https://github.com/{{full_name}}/commit/{{parent}}"},
    "check_run": punch(check_run, [("(check-runs|runs)/4", r"\1/{{check_run}}")], users=False, **same("id", "node_id", "head_sha", "status", "conclusion", "started_at", "completed_at", "name"),
                       pull_requests=fixed([]), check_suite__id="check_suite_id", output__annotations_count=fixed(0)),
    "status": punch(status["statuses"][0], [SHA], **same("id", "node_id", "state", "created_at", "updated_at", "context")),
    "combined_status": punch(status, [SHA], **same("state", "statuses", "total_count", "repository", "sha"), commit_url=fixed("{{api}}/repos/{{full_name}}/commits/{{sha}}"),
                             url=fixed("{{api}}/repos/{{full_name}}/commits/{{sha}}/status")),
    "tag": punch(example(f"{REPO}/tags", 0), [SHA, (r"ball/v0\.1", "ball/refs/tags/{{tag}}"), (r"https://github\.com/(octocat/Hello-World/(zip|tar)ball)", r"{{api}}/repos/\1")], name="name", node_id="node_id"),
    "content": punch(example(f"{REPO}/contents/{{path}}"), content="content", **content_holes),
    "content_entry": punch(example(f"{REPO}/contents/{{path}}", 0, name="response-if-content-is-a-directory"), **content_holes),
    "ref": punch(example(f"{REPO}/git/ref/{{ref}}"), [SHA, ("refs/heads/featureA", "{{ref}}")], node_id="node_id"),
    "event_push": punch(events[0], [SHA], users=False, **event_holes, payload__repository_id="repo_id", payload__push_id="push_id", payload__ref="ref", payload__head="sha", payload__before="before"),
    "event_watch": punch(events[1], users=False, **event_holes),
    "root": punch(example("/")),
    # The example has numbers where its own schema wants text.
    "meta": punch(meta),
}

# What the tests check: answer kind → operation.
SCHEMAS = {
    "repo": (REPO,), "repos": ("/users/{username}/repos",), "org_repos": ("/orgs/{org}/repos",), "my_repos": ("/user/repos",), "runs": (f"{REPO}/actions/runs",),
    "run": (f"{REPO}/actions/runs/{{run_id}}",), "workflows": (f"{REPO}/actions/workflows",), "jobs": (f"{REPO}/actions/runs/{{run_id}}/jobs",), "job": (f"{REPO}/actions/jobs/{{job_id}}",),
    "runners": (f"{REPO}/actions/runners",), "runner": (f"{REPO}/actions/runners/{{runner_id}}",), "artifacts": (f"{REPO}/actions/artifacts",),
    "registration_token": (f"{REPO}/actions/runners/registration-token", "post", "201"), "issues": (f"{REPO}/issues",), "issue": (f"{REPO}/issues/{{issue_number}}",),
    "comments": (f"{REPO}/issues/{{issue_number}}/comments",), "pulls": (f"{REPO}/pulls",), "pull": (f"{REPO}/pulls/{{pull_number}}",), "files": (f"{REPO}/pulls/{{pull_number}}/files",),
    "pull_commits": (f"{REPO}/pulls/{{pull_number}}/commits",), "reviews": (f"{REPO}/pulls/{{pull_number}}/reviews",), "releases": (f"{REPO}/releases",), "release": (f"{REPO}/releases/latest",),
    "branches": (f"{REPO}/branches",), "branch": (f"{REPO}/branches/{{branch}}",), "commits": (f"{REPO}/commits",), "commit": (f"{REPO}/commits/{{ref}}",),
    "check_runs": (f"{REPO}/commits/{{ref}}/check-runs",), "combined_status": (f"{REPO}/commits/{{ref}}/status",), "tags": (f"{REPO}/tags",), "labels": (f"{REPO}/labels",),
    "label": (f"{REPO}/labels/{{name}}",), "ref": (f"{REPO}/git/ref/{{ref}}",), "rate_limit": ("/rate_limit",), "me": ("/user",), "user": ("/users/{username}",), "org": ("/orgs/{org}",),
    "root": ("/",), "meta": ("/meta",), "versions": ("/versions",), "events": (f"{REPO}/events",), "search_repos": ("/search/repositories",), "contents": (f"{REPO}/contents/{{path}}",),
}


def schemas():
    """The schemas of SCHEMAS with everything they refer to, without prose."""
    definitions = {}

    def keep(node):
        if isinstance(node, list):
            return [keep(v) for v in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].split("/")[-1]
            if name not in definitions:
                definitions[name] = None
                definitions[name] = keep(resolve(node))
            return {"$ref": name}
        wanted = ("type", "required", "properties", "items", "enum", "nullable", "allOf", "anyOf", "oneOf", "additionalProperties")
        return {k: {name: keep(v) for name, v in node[k].items()} if k == "properties" else keep(node[k]) for k in wanted if k in node}

    operations = {kind: keep(content(*operation)["schema"]) for kind, operation in SCHEMAS.items()}
    return {"operations": operations, "definitions": definitions}


def write(name, value):
    """One entry a line: compact, yet a change of one shows as one."""
    lines = ",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'), ensure_ascii=False)}" for k, v in value.items())
    (HERE / name).write_text("{\n" + lines + "\n}\n")


write("templates.json", TEMPLATES)
write("schemas.json", schemas())
