"""The dearest calls: Envoy's CPU for bodies and policies that were made to cost.

    worst.py ENVOY MODULE UPSTREAM [NAME]

Each row is one body under one policy, sent one after another; the figure is the
lowest of a few calls, so that it does not measure what else the machine does.
`scripts/worst-call` runs it.
"""

import http.client
import json
import sys

import calls
import processes
import stand

MIB = 1 << 20
# Calls of each row.
TRIES = 4


def call(arguments, size=None):
    """A call with these arguments, given as JSON text."""
    head = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":'
    text = head + arguments + "}}"
    assert size is None or len(text) <= size, (len(text), size)
    return text.encode()


def filled(element, size=MIB - 200, separator=","):
    return separator.join([element] * (size // (len(element) + len(separator))))


def array(element, name="a"):
    return call('{"%s":[%s]}' % (name, filled(element)))


def members(pattern, size=MIB - 200):
    """An object of many members, each by its number."""
    out, length, number = [], 0, 0
    while True:
        member = pattern % number
        length += len(member) + 1
        if length > size:
            return call("{%s}" % ",".join(out))
        out.append(member)
        number += 1


def keys(place, pattern):
    """A call with as many short keys as there is room for, in this object."""
    marks, out, size = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&()*+,-", [], 0
    for number in range(1 << 20):
        text = ""
        while True:
            number, mark = divmod(number, len(marks))
            text += marks[mark]
            if not number:
                break
        out.append(pattern % text)
        size += len(out[-1]) + 1
        if size > MIB - 300:
            break
    all = ",".join(out[:-1])
    envelope = '"jsonrpc":"2.0","id":1,"method":"tools/call"'
    return {
        "params": '{%s,"params":{"name":"t",%s}}',
        "arguments": '{%s,"params":{"name":"t","arguments":{%s}}}',
    }.get(place, '{%s,"params":{"name":"t"},%s}').__mod__((envelope, all)).encode()


def json_object():
    """An argument that is a text of many members, as JSON."""
    names, size = [], 0
    while size < MIB - 400:
        names.append('\\"k%d\\":1' % len(names))
        size += len(names[-1]) + 1
    return '{"a":"{%s}"}' % ",".join(names)


def text(content):
    """A call whose argument `a` is this text, as JSON writes it."""
    return call('{"a":%s}' % json.dumps(content))


def nested(depth, inner):
    body = '{"a":' * depth + inner + "}" * depth
    return call(body)


def rule(*conditions, kind="deny_if", apart=True):
    conditions = [dict(zip(("path", "op", "value"), each)) for each in conditions]
    checks = [{"conditions": [each]} for each in conditions] if apart else [{"conditions": conditions}]
    return {"version": "1", "default": "deny", "tools": {"t": {kind: checks}}}


def ten(path, op, value):
    return rule(*[(path.replace("#", str(number)), op, value) for number in range(10)])


NUMBER = "10000000000024865675e281"
# More digits than a u64 holds, and far from every bound; close to one.
LONG = "1" + "0" * 18 + "1" + "3" * 100
NEAR = "9007199254740992" + "." + "0" * 60 + "1"
ALLOW = {"version": "1", "default": "allow"}
NOBODY = {**ALLOW, "identity": [{"header": "x-nobody"}]}

BODIES = {
    "ordinary, prose": lambda: text(("Lines of some sixty characters, and nothing among them. " * 20000)[: MIB - 200]),
    "ordinary, code": lambda: text('    let line = "sixty";\n' * 40000),
    "hard numbers": lambda: array(NUMBER),
    "long numbers": lambda: array(LONG),
    "ones": lambda: array("1"),
    "nulls": lambda: array("null"),
    "empty lists": lambda: array("[]"),
    "empty objects": lambda: array("{}"),
    "one-member objects": lambda: array('{"a":1}'),
    "empty texts": lambda: array('""'),
    "escapes": lambda: call('{"a":"%s"}' % filled("\\u0061", separator="")),
    "text escapes": lambda: call('{"a":"%s"}' % filled("\\n", separator="")),
    "members": lambda: members('"k%d":1'),
    "escaped members": lambda: members('"\\u006b%d":1'),
    "nested 60": lambda: call('{"a":[%s]}' % filled("[" * 60 + "]" * 60)),
    "deep objects": lambda: call('{"a":[%s]}' % filled('{"a":' * 60 + "1" + "}" * 60)),
    "non-ASCII": lambda: call('{"a":"%s"}' % filled("é", MIB // 2 - 200, "")),
}


def rows():
    for name, body in BODIES.items():
        yield name, ALLOW, body()
    yield "nobody: hard numbers", NOBODY, array(NUMBER)
    yield "nobody: members", NOBODY, members('"k%d":1')
    yield "nobody: members of the envelope", NOBODY, keys("", '"%s":1')
    yield "nobody: escaped members of the envelope", NOBODY, keys("", '"\\n%s":1')
    yield "nobody: escaped members of params", NOBODY, keys("params", '"\\n%s":1')
    yield "nobody: a batch", {**NOBODY, "settings": {"batches": "judge"}}, b"[" + keys("arguments", '"\\n%s":1') + b"]"
    for place in ("envelope", "params", "arguments"):
        yield f"short escaped keys in {place}", ALLOW, keys(place, '"\\n%s":1')
    long = '"%s' + "\\u0061" * 21000 + '%s":1'
    yield "eight long escaped keys", ALLOW, call("{%s}" % ",".join(long % ("", n) for n in range(8)))
    many = [{"counter": f"c{n}", "window": "day", "max": 63} for n in range(256)]
    limits = {"version": "1", "default": "deny", "settings": {"batches": "judge"}, "tools": {"t": {"limits": many}}}
    yield "a batch over 256 limits", limits, b"[" + b",".join(b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"t"}}' % n for n in range(64)) + b"]"
    thousand = [float(number) / 8 + 0.01 for number in range(1000)]
    yield "in 1,000: 260 hard numbers", rule(("args.a[*]", "in", thousand)), call('{"a":[%s]}' % filled(NUMBER, 6600))
    yield "in 1,000: ones", rule(("args.a[*]", "in", list(range(2, 1002)))), array("1")
    yield "five lt: hard numbers", rule(*[("args.a[*]", "lt", n) for n in range(-5, 0)]), array(NUMBER)
    yield "ten lt: hard numbers", rule(*[("args.a[*]", "lt", n) for n in range(-10, 0)]), array(NUMBER)
    yield "ten lt: long numbers", rule(*[("args.a[*]", "lt", n) for n in range(-10, 0)]), array(LONG)
    yield "ten lt: near numbers", rule(*[("args.a[*]", "lt", 9007199254740992)] * 10), array(NEAR)
    yield "ten lt: ones", rule(*[("args.a[*]", "lt", n) for n in range(-10, 0)]), array("1")
    plain_list = "[" + filled("1", MIB - 300) + "]"
    escaped = "[" + filled('"x"', (MIB - 400) * 3 // 5) + "]"
    for count in (5, 10):
        yield f"{count} contains: a text of numbers", rule(*[("args.a", "contains", f"q{n}") for n in range(count)]), text(plain_list)
        yield f"{count} contains: a text of texts", rule(*[("args.a", "contains", f"q{n}") for n in range(count)]), text(escaped)
    yield "ten contains: a text of members", ten("args.a", "contains", "q#"), call(json_object())
    deep = "args" + ".a" * 32
    yield "32 steps", rule((deep, "eq", "x")), nested(31, '{"a":[%s]}' % filled("1", MIB - 500))
    yield "ten of 32 steps", ten(deep, "eq", "x"), nested(31, '{"a":[%s]}' % filled("1", MIB - 500))
    yield "ten paths: members", ten("args.x#", "eq", "x"), members('"k%d":1')
    yield "ten paths: escaped members", ten("args.x#", "eq", "x"), members('"\\u006b%d":1')
    yield "ten paths: empty lists", ten("args.a[*].b[#]", "eq", 1), array("[]")
    yield "ten paths: objects", ten("args.a[*].b#", "eq", 1), array('{"a":1}')
    yield "ten paths: index", ten("args.a[999999]", "eq", 1), array("1")
    yield "ten exists: ones", ten("args.a[*]", "exists", False), array("1")
    yield "ten eq: escapes", ten("args.a", "eq", "x#"), call('{"a":"%s"}' % filled("\\u0061", separator=""))
    yield "ten ends_with: escapes", ten("args.a", "ends_with", "x"), call('{"a":"%s"}' % filled("\\u0061", separator=""))
    yield "ten contains: prose", ten("args.a", "contains", "aaaaaaaaaaaaaaaab"), text("a" * (MIB - 200))
    yield "ten contains in lists: texts", ten("args.a", "contains", "x"), array('""')
    yield "ten contains in lists: ones", ten("args.a", "contains", 2), array("1")
    yield "ten eq objects", ten("args.a[*]", "eq", {"b": 1, "c": [1, 2]}), array('{"a":1}')
    yield "regex, empty texts", rule(("args.a[*]", "regex", "(x?){400}y")), array('""')
    yield "ten regex, empty texts", ten("args.a[*]", "regex", "^(read|list|get|find|look|seek|scan|show)_[a-z_]+$"), array('""')
    yield "ten paths: look-alikes", ten("args.a[*]." + "\u00e4" * 20 + "#", "eq", 1), call('{"a":[%s]}' % filled('{"%s":1}' % ("\u00c4" * 20), MIB * 4 // 7))
    yield "regex, one long", rule(("args.a", "regex", "[a-z]{1,300}!")), text("a" * 30000)
    yield "regex, many", rule(("args.a[*]", "regex", "[a-z]{1,300}!")), call('{"a":[%s]}' % filled('"%s"' % ("a" * 2000)))
    yield "regex, alternatives", rule(("args.a[*]", "regex", "(a|b|ab|ba|aa|bb)*c")), call('{"a":[%s]}' % filled('"%s"' % ("ab" * 2000)))
    yield "regex, optional", rule(("args.a[*]", "regex", "(a?){90}a{90}c")), call('{"a":[%s]}' % filled('"%s"' % ("a" * 4000)))
    yield "ten regex, short texts", ten("args.a[*]", "regex", "x+y"), array('"a"')
    yield "ten regex, long texts", ten("args.a", "regex", "(x+x+)+y|[a-w]+z"), text("a" * 65000)
    schema = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
    by_schema = {"version": "1", "default": "deny", "tools": {"t": {"schema": schema}}}
    yield "a schema: texts that may be JSON", by_schema, members('"k%d":" "')
    yield "a schema: lists as texts", by_schema, members('"k%d":"[]"')
    recorded = [f"args.a.x{n}" for n in range(16)]
    yield "16 recorded: a long object", {"version": "1", "default": "deny", "tools": {"t": {"record": recorded}}}, call('{"a":{"b":[%s]}}' % filled("1"))
    yield "args: members", {"version": "1", "default": "deny", "tools": {"t": {"args": [f"k{n}" for n in range(100)] }}}, members('"x%d":1')


def main(program, module, upstream, only=""):
    program_rows = [row for row in rows() if only in row[0]]
    policies = {}
    for name, policy, body in program_rows:
        policies.setdefault(json.dumps(policy), []).append((name, body))
    results = {}
    with processes.service([upstream], processes.share_cores(1)[1]) as served:
        for policy, bodies in policies.items():
            variant = stand.Variant([stand.wasm(module, json.loads(policy))])
            with processes.envoy(program, variant, served.port) as envoy:
                for name, body in bodies:
                    results[name] = least(envoy, body)
    for name, _, body in program_rows:
        cost, status, answer = results[name]
        print(f"{name:34} {len(body):8} B  {cost * 1e3:8.1f} ms  {status} {answer}")


def least(envoy, body):
    costs = []
    for _ in range(TRIES):
        before = envoy.cpu()
        connection = http.client.HTTPConnection("127.0.0.1", envoy.port, timeout=60)
        connection.request("POST", "/mcp", body, calls.HEADERS)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        costs.append(envoy.cpu() - before)
    if response.getheader("x-upstream"):
        said = "forwarded"
    else:
        error = json.loads(answer)
        # The answer to a batch is a list; each says the same.
        error = (error[0] if isinstance(error, list) else error)["error"]
        said = error.get("data", {}).get("reason", "") + " " + error["message"][:60]
    return min(costs), response.status, said


if __name__ == "__main__":
    main(*sys.argv[1:])
