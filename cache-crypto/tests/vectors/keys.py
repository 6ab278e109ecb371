"""Writes keys.json: every subkey of some secrets, and what is computed from them.

    python3 keys.py
"""

import hashlib
import json
import pathlib

import fleet

SECRETS = [
    "correct horse battery staple, 32",
    "ghmesh_" + "0123456789abcdef" * 4,
    "sécret-ünïcode-пароль-秘密-0123456789abcdef",
]
TOKEN = "ghp_vector"
TAG = "repo:octocat/hello-world"
QUESTION = ("GET", "api.github.com", "/repos/octocat/hello-world?page=2", [("accept", "application/vnd.github+json")])

cases = []
for secret in SECRETS:
    keys = fleet.subkeys(secret)
    tag = hashlib.sha256(TAG.encode()).digest()[:16]
    cases.append({
        "secret": secret,
        "subkeys": {label: key.hex() for label, key in keys.items()},
        "audience": fleet.mac(keys["audience"], hashlib.sha256(TOKEN.encode()).digest())[:16].hex(),
        "tag_hash": fleet.mac(keys["tag"], tag)[:8].hex(),
        "wire_key": fleet.mac(keys["wire-key"], fleet.canonical_question(*QUESTION)).hex(),
    })

document = {"token": TOKEN, "tag": TAG, "question": QUESTION, "cases": cases}
path = pathlib.Path(__file__).with_name("keys.json")
path.write_text(json.dumps(document, indent=2, ensure_ascii=True) + "\n")
