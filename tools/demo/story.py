"""The story that the demo tells, and checks."""

import http.client
import json
import time

import page

# The number of calls that the policy allows in a minute.
LIMIT = 10
# Seconds that all the calls may take.
HASTE = 8
ARGUMENTS = '{"sessionId":"s1","message":"hello"}'
NEXT = (
    "Next: `make run` leaves all this running, to be called with curl; "
    "`POLICY=my.json make run` does so under a policy of yours."
)


class Wrong(Exception):
    """What did not go as told, for the user."""


def tell(settings, server):
    """Tells it. Raises Wrong if something does not go as told."""
    whole_minute()
    gateway = Gateway(settings.port)

    page.heading("A client says hello. The policy is about tool calls; the rest of MCP passes.")
    gateway.forwarded(
        "initialize",
        request(1, "initialize", '{"protocolVersion":"2025-11-25","capabilities":{},'
                '"clientInfo":{"name":"demo","version":"1"}}'),
    )

    page.heading("The policy names session_send, so a call of it goes through.")
    gateway.forwarded(f"tools/call session_send {ARGUMENTS}", call(2, "session_send", ARGUMENTS))

    page.heading("It names no other tool. The call is refused, and never reaches the MCP server.")
    arguments = '{"sessionId":"s1"}'
    gateway.refused(
        f"tools/call session_kill {arguments}", call(3, "session_kill", arguments),
        403, "(default deny)",
    )

    page.heading("session_send is allowed ten times a minute. Nine more calls are fine.")
    ids = range(4, LIMIT + 3)
    for number in ids:
        gateway.result(call(number, "session_send", ARGUMENTS))
    page.field("ask", f"tools/call session_send {ARGUMENTS}, {len(ids)} times")
    page.field("answers", "a result each time", page.GREEN)
    page.field("decided", "forwarded", page.DIM)

    page.heading("The eleventh is one too many.")
    gateway.refused(
        f"tools/call session_send {ARGUMENTS}", call(LIMIT + 3, "session_send", ARGUMENTS),
        429, "/tools/session_send/limits/session_send_rate",
    )

    page.heading("The session is alive: everything else still works.")
    gateway.forwarded("tools/list", request(LIMIT + 4, "tools/list", "{}"))

    sent, killed = server.count("session_send"), server.count("session_kill")
    if (sent, killed) != (LIMIT, 0):
        raise Wrong(f"the MCP server ran session_send {sent} times and session_kill {killed} times")
    page.heading(
        "What the MCP server ran, by its own count: session_send 10 times, session_kill never."
    )
    page.paragraph(NEXT)


def request(number, method, params):
    return f'{{"jsonrpc":"2.0","id":{number},"method":"{method}","params":{params}}}'


def call(number, tool, arguments):
    return request(number, "tools/call", f'{{"name":"{tool}","arguments":{arguments}}}')


def whole_minute():
    """Counters are aligned to the clock's minutes: begins early enough in one."""
    left = 60 - time.time() % 60
    if left < HASTE:
        seconds = int(left) + 1
        page.heading(f"The limit counts by the clock's minute: {seconds} s to the next.")
        time.sleep(left + 0.1)


class Gateway:
    """Envoy, as a client sees it."""

    def __init__(self, port):
        self.port = port

    def send(self, body):
        """Status and text of the answer."""
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/mcp", body, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise Wrong(f"no answer from Envoy: {error}") from error
        finally:
            connection.close()

    def ask(self, what, body):
        page.field("ask", what)
        status, text = self.send(body)
        page.answer(text)
        return status, text

    def forwarded(self, what, body):
        check_result(body, *self.ask(what, body))
        page.field("decided", "forwarded", page.DIM)

    def result(self, body):
        check_result(body, *self.send(body))

    def refused(self, what, body, code, rule):
        status, text = self.ask(what, body)
        reply = parsed(text)
        error = reply.get("error") or {}
        data = error.get("data") or {}
        page.field("decided", data.get("rule", "nothing that says so"), page.DIM)
        expect("HTTP status", status, 200)
        expect("id", reply.get("id"), json.loads(body)["id"])
        expect("error.code", error.get("code"), code)
        expect("error.data.rule", data.get("rule"), rule)
        wait = data.get("retry_after")
        if code == 429 and wait not in range(1, 61):
            raise Wrong(f"expected error.data.retry_after within the minute, and it is {wait}")


def parsed(text):
    try:
        reply = json.loads(text)
    except ValueError as error:
        raise Wrong(f"expected JSON, and this came: {text}") from error
    return reply if isinstance(reply, dict) else {}


def check_result(body, status, text):
    reply = parsed(text)
    expect("HTTP status", status, 200)
    expect("id", reply.get("id"), json.loads(body)["id"])
    if not isinstance(reply.get("result"), dict):
        raise Wrong(f"expected a result, and this came: {text}")


def expect(what, found, expected):
    if found != expected:
        raise Wrong(f"expected {what} to be {expected}, and it is {found}")
