"""A second implementation of the fleet's keys, for both vector scripts. Standard library only."""

import hashlib
import hmac

LABELS = ["key-id", "noise-prologue", "topic", "entry", "wire-key", "audience", "tag"]


def mac(key: bytes, *parts: bytes) -> bytes:
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def expand(key: bytes, info: bytes, length: int) -> bytes:
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = mac(key, block, info, bytes([counter]))
        out += block
        counter += 1
    return out[:length]


def subkeys(secret: str) -> dict[str, bytes]:
    root = hashlib.pbkdf2_hmac("sha256", secret.encode(), b"gh-mesh/1", 600_000, 32)
    return {label: expand(root, label.encode(), 32) for label in LABELS}


def canonical_question(method: str, host: str, target: str, selected: list[tuple[str, str]]) -> bytes:
    parts = [b"question/1", method.encode(), host.encode(), target.encode()]
    for name, value in sorted(selected):
        parts += [name.encode(), value.encode()]
    parts.append(b"")  # no body
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
