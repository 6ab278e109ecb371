#!/usr/bin/env python3
"""Makes dictionary-1.zstd, with which bodies and row heads are compressed (see ../src/packing.rs).

Usage: train.py path/to/api.github.com.json dictionary-1.zstd

The input is `generated/api.github.com.json` of the npm package @octokit/openapi 23.0.2 (MIT, LICENSE.octokit-openapi
beside this file). Needs the `zstd` command, 1.5 or later. The same input gives the same samples (the seed is fixed).

A released dictionary never changes, since rows on disk need it: a better one becomes dictionary-2.zstd.

The examples all speak of octocat and Hello-World. Left so, the dictionary would learn those names and look better on
the examples than on anything else; so each sample gets its own names, ids, hashes and dates, and the dictionary
learns what all of GitHub's answers share: field names, their order, and the shapes of URLs.
"""

import base64
import copy
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

SEED = 20251
DICTIONARY_BYTES = 32 * 1024
VARIANTS = 6
SYLLABLES = "al bar cor den el fin gra hul in jo kar lo mar net or pin qua ros sti tor ul ver wen xi yor zan".split()
WORDS = "api app build cli client core data deploy docs infra lib node ops proxy server site test tools ui web".split()

HEADS = [
    # Response headers as api.github.com sends them, in the form that row.rs stores: name, value.
    ("cache-control", ["private, max-age=60, s-maxage=60", "public, max-age=60, s-maxage=60"]),
    ("content-type", ["application/json; charset=utf-8"]),
    ("vary", ["Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With",
              "Accept,Accept-Encoding, Accept, X-Requested-With"]),
    ("etag", ['W/"%s"']),
    ("last-modified", ["Tue, 14 May 2024 09:22:41 GMT", "Fri, 03 Oct 2025 17:05:12 GMT", "Wed, 19 Nov 2025 06:48:30 GMT"]),
    ("link", ['<https://api.github.com/repositories/%d/pulls?state=open&per_page=30&page=2>; rel="next", '
              '<https://api.github.com/repositories/%d/pulls?state=open&per_page=30&page=9>; rel="last"']),
    ("x-github-media-type", ["github.v3; format=json", "github.v3"]),
    ("x-github-api-version-selected", ["2022-11-28"]),
    ("x-accepted-oauth-scopes", ["", "repo", "admin:org, read:org, repo, user, write:org"]),
    ("x-accepted-github-permissions", ["metadata=read", "actions=read", "contents=read", "pull_requests=read"]),
    ("access-control-expose-headers",
     ["ETag, Link, Location, Retry-After, X-GitHub-OTP, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Used, "
      "X-RateLimit-Resource, X-RateLimit-Reset, X-OAuth-Scopes, X-Accepted-OAuth-Scopes, X-Poll-Interval, "
      "X-GitHub-Media-Type, X-GitHub-SSO, X-GitHub-Request-Id, Deprecation, Sunset"]),
    ("access-control-allow-origin", ["*"]),
    ("strict-transport-security", ["max-age=31536000; includeSubdomains; preload"]),
    ("x-frame-options", ["deny"]),
    ("x-content-type-options", ["nosniff"]),
    ("x-xss-protection", ["0"]),
    ("referrer-policy", ["origin-when-cross-origin, strict-origin-when-cross-origin"]),
    ("content-security-policy", ["default-src 'none'"]),
    ("server", ["github.com"]),
]


class Names:
    """Replaces what is particular to an example, the same thing by the same thing within one sample."""

    def __init__(self, rng):
        self.rng = rng
        self.known = {}
        self.owner = self.login()
        self.repository = "-".join(rng.sample(WORDS, rng.choice([1, 1, 2])))
        self.base_id = rng.randrange(10**5, 10**9)

    def login(self):
        login = "".join(self.rng.choices(SYLLABLES, k=self.rng.choice([2, 3, 3])))
        return login + self.rng.choice(["", "", "", "-dev", "hq", "42"])

    def hexadecimal(self, match):
        return self.once(match.group(0), lambda: "%0*x" % (len(match.group(0)), self.rng.getrandbits(4 * len(match.group(0)))))

    def date(self, match):
        def make():
            rng = self.rng
            return "20%02d-%02d-%02dT%02d:%02d:%02dZ" % (rng.randrange(11, 26), rng.randrange(1, 13), rng.randrange(1, 29),
                                                         rng.randrange(24), rng.randrange(60), rng.randrange(60))
        return self.once(match.group(0), make)

    def once(self, old, make):
        if old not in self.known:
            self.known[old] = make()
        return self.known[old]

    def text(self, value):
        value = re.sub(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b", self.hexadecimal, value)
        value = re.sub(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", self.date, value)
        value = re.sub(r"https://github\.com/images/error/\w+\.gif",
                       lambda m: self.once(m.group(0), lambda: "https://avatars.githubusercontent.com/u/%d?v=4" % self.number(1)), value)
        value = re.sub(r"(?<![\w.-])(octocat|octo-org|hubot|monalisa|github)(?=[/\"{]|$)",
                       lambda m: self.once(m.group(0), self.login), value)
        value = re.sub(r"(?i)hello-world|octo-repo", lambda _: self.repository, value)
        return re.sub(r"(?<=/)\d+(?=/|$|\{)", lambda m: self.once(m.group(0), lambda: str(self.number(int(m.group(0))))), value)

    def number(self, old):
        return self.once(old, lambda: self.rng.randrange(1, max(old * 50, 100000)) if old > 99 else self.rng.randrange(1, 10**8))

    def node_id(self, old):
        if old.startswith("MD"):
            return base64.b64encode(b"0%d:%s%d" % (self.rng.randrange(9), b"Node", self.rng.getrandbits(28))).decode()
        head, _, tail = old.partition("_")
        return head + "_" + "".join(self.rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=max(len(tail), 8)))

    def walk(self, value, field=""):
        if isinstance(value, dict):
            return {name: self.walk(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self.walk(item, field) for item in value]
        if isinstance(value, str):
            if field == "node_id":
                return self.once("node:" + value, lambda: self.node_id(value))
            return self.text(value)
        if isinstance(value, int) and not isinstance(value, bool) and (field == "id" or field.endswith("_id")):
            return self.number(value)
        return value


def head(rng):
    """A row head, roughly as row.rs encodes one: fixed fields and hashes, then the headers behind their lengths."""
    out = bytearray(rng.randbytes(90))
    for name, values in HEADS:
        if name in ("link", "last-modified") and rng.random() < 0.5:
            continue
        value = rng.choice(values)
        if name == "etag":
            value %= "%064x" % rng.getrandbits(256)
        elif name == "link":
            number = rng.randrange(10**9)
            value %= (number, number)
        out += len(name).to_bytes(2, "big") + name.encode() + len(value).to_bytes(4, "big") + value.encode()
    return bytes(out)


def main():
    source, target = map(pathlib.Path, sys.argv[1:3])
    rng = random.Random(SEED)
    examples = json.loads(source.read_text())["components"]["examples"]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        n_samples = 0

        def keep(sample):
            nonlocal n_samples
            (folder / f"{n_samples:05}").write_bytes(sample)
            n_samples += 1

        for name in sorted(examples):
            value = examples[name].get("value")
            if not isinstance(value, (dict, list)):
                continue
            for _ in range(VARIANTS):
                sample = json.dumps(Names(rng).walk(copy.deepcopy(value)), separators=(",", ":"), ensure_ascii=False).encode()
                # Answers far longer than a block would outvote the rest, and need a dictionary least.
                if len(sample) <= 64 * 1024:
                    keep(sample)
        for _ in range(200):
            keep(head(rng))
        subprocess.run(
            ["zstd", "-q", "-f", "--train-fastcover=accel=1", "-r", str(folder), f"--maxdict={DICTIONARY_BYTES}",
             "--dictID=1", "-T1", "-o", str(target)],
            check=True,
        )
    print(f"{target}: {target.stat().st_size} bytes from {n_samples} samples")


if __name__ == "__main__":
    main()
