"""Writes envelope-v1.json: whole envelopes, made without the Rust code.

    python3 -m venv venv && venv/bin/pip install cryptography zstandard && venv/bin/python envelope.py

Envelopes of version 1 must open for ever, so once released this file only ever gains cases.
"""

import hashlib
import json
import pathlib

import fleet
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SECRET = "ghmesh_" + "0123456789abcdef" * 4
SEED = bytes(range(32))
QUESTION = ("GET", "api.github.com", "/repos/octocat/hello-world/issues?state=all", [("accept", "application/vnd.github+json")])
HEADERS = [
    (0, "content-type", "application/json; charset=utf-8"),
    (1, "link", '<https://api.github.com/repos/octocat/hello-world/issues?state=all&page=2>; rel="next"'),
    (3, "last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
    (4, "cache-control", "private, max-age=60, s-maxage=60"),
]
TAGS = [f"tag-{n}" for n in range(10)]
REQUESTED_AT, CREATED_AT = 1_700_000_000_000, 1_700_000_000_123
STATUS = 200

keys = fleet.subkeys(SECRET)
canonical = fleet.canonical_question(*QUESTION)
signer = Ed25519PrivateKey.from_private_bytes(SEED)
public = signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def blob(value: bytes) -> bytes:
    return number(len(value), 8) + value


def payload(tags: list[bytes], body: bytes) -> bytes:
    return b"".join([
        number(1, 1),
        blob(canonical),
        number(len(tags), 8), *tags,
        number(STATUS, 2),
        number(len(HEADERS), 8), *[number(code, 1) + blob(value.encode()) for code, _, value in HEADERS],
        blob(body),
    ])


def envelope(token, for_credential, compressed, n_tags, nonce, sequence, body):
    tags = [hashlib.sha256(tag.encode()).digest()[:16] for tag in TAGS[:n_tags]]
    plain = payload(tags, body)
    content = zstandard.ZstdCompressor(level=1).compress(plain) if compressed else plain
    fingerprint = hashlib.sha256(token.encode()).digest() if token else None
    credential_key = fleet.expand(keys["entry"], b"aud" + fingerprint, 32) if token else None
    seal_key = credential_key if for_credential else keys["entry"]
    expanded = fleet.expand(seal_key, b"msg" + nonce, 48)
    cid = bytes([0x01, 0x55, 0x12, 0x20]) + hashlib.sha256(body).digest()
    hashes = [fleet.mac(keys["tag"], tag)[:8] for tag in tags[:8]]

    def header(possession: bytes) -> bytes:
        return b"".join([
            b"GHM", number(1, 1),
            number(1, 1), number(compressed | for_credential << 2, 1),
            keys["key-id"][:8],
            fleet.mac(keys["audience"], fingerprint)[:16] if token else bytes(16),
            fleet.mac(keys["wire-key"], canonical),
            possession,
            fleet.mac(seal_key, cid),
            number(len(hashes), 1), *hashes,
            bytes([0x00, 0x24, 0x08, 0x01, 0x12, 0x20]) + public,
            number(sequence, 8),
            number(REQUESTED_AT, 8), number(CREATED_AT, 8),
            number(0, 4),
            number(len(plain), 4),
            nonce, expanded[32:],
            number(len(content) + 16, 4),
        ])

    possession = bytes(16)
    if token:
        possession = fleet.mac(credential_key, header(possession))[:16]
    head = header(possession)
    above = head + AESGCM(expanded[:32]).encrypt(bytes(12), content, head)
    return above + signer.sign(b"gh-mesh/envelope/1\0" + hashlib.sha256(above).digest())


CASES = [
    # name, token, sealed for the credential, compressed, tags, sequence, body
    ("fleet", "ghp_vector", False, False, 2, 1, '{"id":1}'),
    ("credential", "ghp_vector", True, False, 0, 2, '{"id":2}'),
    ("anonymous", None, False, False, 1, 2**64 - 1, ""),
    ("more tags than hashes", "ghp_vector", False, False, 10, 4, "é\u0000"),
    ("compressed", "ghp_vector", True, True, 3, 5, '{"id":5,"title":"compressed"},' * 20),
]

cases = []
for name, token, for_credential, compressed, n_tags, sequence, body in CASES:
    nonce = hashlib.sha256(name.encode()).digest()[:24]
    cases.append({
        "name": name,
        "token": token,
        "for_credential": for_credential,
        "compressed": compressed,
        "n_tags": n_tags,
        "nonce": nonce.hex(),
        "sequence": sequence,
        "body": body,
        "envelope": envelope(token, for_credential, compressed, n_tags, nonce, sequence, body.encode()).hex(),
    })

document = {
    "secret": SECRET,
    "seed": SEED.hex(),
    "question": QUESTION,
    "headers": [[name, value] for _, name, value in HEADERS],
    "tags": TAGS,
    "requested_at": REQUESTED_AT,
    "created_at": CREATED_AT,
    "status": STATUS,
    "cases": cases,
}
path = pathlib.Path(__file__).with_name("envelope-v1.json")
path.write_text(json.dumps(document, indent=2, ensure_ascii=True) + "\n")
