"""seeds.py FOLDER: what fuzzing starts from besides fuzz/corpus.

The requests of tests/data/corpus and the policies of the tests, written to
FOLDER/TARGET in the form that each target takes. They are made anew each time,
so that no case is kept twice.
"""

import hashlib
import json
import pathlib
import struct
import sys

# Larger inputs make every run slow and find nothing that smaller ones do not.
MOST = 4096

# What src/exchange.rs reads before the body: policy, head, kind, mirror, cuts.
SUBJECTS = 7
MARKER = b'"m4rk3r"'  # as in src/exchange/records.rs
VERSIONS = {"2025-06-18": 1, "2026-07-28": 2}


def main(folder):
    targets = {
        "decode": decode,
        "config": config,
        "exchange": exchange,
        "limit_service": limit_service,
        "listing": listing,
        "store": store,
    }
    for target, seeds in targets.items():
        into = folder / target
        into.mkdir(parents=True, exist_ok=True)
        for old in into.iterdir():
            old.unlink()
        for seed in seeds():
            if len(seed) <= MOST:
                (into / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


def decode():
    for request in requests():
        yield b"0" + body(request.get("body"))


def config():
    for seed in policies():
        yield seed
        try:
            yield struct_of(json.loads(seed))
        except (ValueError, AttributeError, OverflowError):
            pass


def struct_of(members):
    """An object as a google.protobuf.Struct, as tests/native/structure/encode.rs has it."""
    return b"".join(
        field(1, field(1, key.encode()) + field(2, value_of(value)))
        for key, value in members.items()
    )


def value_of(value):
    if value is None:
        return b"\x08\x00"
    if isinstance(value, bool):
        return bytes([0x20, value])
    if isinstance(value, (int, float)):
        return b"\x11" + struct.pack("<d", value)
    if isinstance(value, str):
        return field(3, value.encode())
    if isinstance(value, dict):
        return field(5, struct_of(value))
    return field(6, b"".join(field(1, value_of(element)) for element in value))


def field(number, inner):
    length, rest = b"", len(inner)
    while rest > 0x7F:
        length += bytes([rest & 0x7F | 0x80])
        rest >>= 7
    return bytes([number << 3 | 2]) + length + bytes([rest]) + inner


def policies():
    for path in sorted(pathlib.Path("tests/data/policies").glob("*/*.json")):
        yield path.read_bytes()
    for path in sorted(pathlib.Path("envoy/policies/minimal").glob("*.json")):
        yield path.read_bytes()
    for case in cases():
        if "policy" in case:
            yield json.dumps(case["policy"], ensure_ascii=False).encode()


def exchange():
    for at, request in enumerate(requests()):
        headers = {name.lower(): value for name, value in request.get("headers", [])}
        kind = VERSIONS.get(headers.get("mcp-protocol-version"), 0) << 2
        mirror = int("mcp-method" in headers) | int("mcp-name" in headers) << 2
        head = 5 if request.get("method") == "GET" else 0
        choices = bytes([at % SUBJECTS, head, kind, mirror, at % 64, at % 16])
        text = body(request.get("body"))
        yield choices + text
        if (marked := mark(text)) is not None:
            yield choices + marked


def mark(text):
    """The same with a marker for each text among a call's arguments."""
    try:
        arguments = json.loads(text)["params"]["arguments"].items()
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    values = {json.dumps(value).encode() for _, value in arguments if isinstance(value, str)}
    for value in values:
        text = text.replace(b":" + value, b":" + MARKER).replace(b": " + value, b": " + MARKER)
    return text if values else None


def limit_service():
    """Answers of both engines: OK, over the limit, of several limits, of none."""
    number = lambda tag, value: bytes([tag << 3, value])
    limit = lambda most, unit: field(2, bytes([8]) + most + bytes([16, unit]))
    wait = field(4, b"\x08\xd2\x09")
    one = number(1, 1) + limit(b"\x14", 3) + number(3, 19) + wait
    two = number(1, 1) + limit(b"\xd2\x8d\x06", 4) + b"\x18\xa0\x1f" + wait
    full = number(1, 2) + limit(b"\x14", 3) + wait
    header = lambda key, value: field(3, field(1, key) + field(2, value))
    listed = header(b"X-RateLimit-Limit", b'20, 20;w=3600;name="a", 100050;w=86400')
    for choice in range(16):
        for answer in [
            number(1, 1) + field(2, one),
            number(1, 1) + field(2, one) + field(2, two),
            number(1, 2) + field(2, full),
            number(1, 1) + listed,
            number(1, 2) + listed + header(b"X-RateLimit-Reset", b"1234"),
            number(1, 1),
            b"",
        ]:
            yield bytes([choice]) + answer


def listing():
    for at, request in enumerate(requests()):
        response = request.get("response")
        if response is None:
            continue
        types = [value for name, value in response.get("headers", []) if name == "content-type"]
        events = 0 if any("event-stream" in value for value in types) else 7
        yield bytes([at % 4, events, at % 64, at % 16]) + body(response.get("body"))


def store():
    """A question of an edge that calls people as the home does, and each answer."""
    identity = hashlib.sha256()
    for part in [b"approval-identity/1", b"header x-id"]:
        identity.update(len(part).to_bytes(8, "little") + part)
    question = {
        "caller": "a", "tool": "t", "route": "", "authority": "m", "path": "/", "rules": ["/t"],
        "rule_hash": "0" * 64, "message": "m", "policy": "0123456789ab", "params": "{}",
        "approvers": ["*"], "need": 1, "wait": 10, "valid": 10,
        "identity": identity.hexdigest(), "look": True,
    }
    name = "apr_nyq2fi5euwtkpkfj"
    answers = [
        {"state": "approved", "id": name, "by": ["b"]},
        {"state": "requested", "id": name, "expires_in": 9, "by": [], "url": "https://m/ok"},
        {"state": "denied", "id": name, "by": ["b"], "reason": "no"},
        {"state": "full"},
        {"state": "limited", "retry_after": 9},
    ]
    yield b"\0" + json.dumps(question).encode()
    yield from (b"\1" + json.dumps(answer).encode() for answer in answers)


def requests():
    for case in cases():
        yield from case["requests"]


def cases():
    for path in sorted(pathlib.Path("tests/data/corpus").glob("*/*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def body(given):
    if given is None:
        return b""
    if isinstance(given, str):
        return given.encode()
    if isinstance(given, list):
        return b"".join(body(part) for part in given)
    if "hex" in given:
        return bytes.fromhex(given["hex"])
    return (given["repeat"] * given["times"]).encode() if given["times"] <= MOST else b" " * (MOST + 1)


main(pathlib.Path(sys.argv[1]))
