"""An MCP server to protect: Streamable HTTP, each POST for itself, one JSON answer.

It offers the tools that the shipped policies are about, does nothing but say what
it was asked to do, and counts what it ran: a call that was refused in front of it
is not counted. It needs Python's standard library alone.

    python3 tools/demo/server.py [PORT]    prints the port, and serves until it is ended
"""

import json
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REVISIONS = ["2025-11-25", "2025-06-18", "2025-03-26"]

TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
KINDS = {"string": str, "number": (int, float), "boolean": bool}


def one_of(*values):
    return {"type": "string", "enum": list(values)}


# Name, description, arguments that are required, and others.
TOOLS = [
    ("session_send", "Send a message to an active (running) session",
     {"sessionId": TEXT, "message": TEXT}, {}),
    ("cmux_send", "Send text to a surface without pressing Enter",
     {"text": TEXT}, {"workspace": TEXT, "surface": TEXT}),
    ("enhancedSend", "Send a message with queuing and guaranteed delivery",
     {"targetInstanceId": TEXT, "message": TEXT},
     {"priority": one_of("high", "normal", "low")}),
    ("claude_code_session", "List, inspect, cancel, or interrupt sessions",
     {"action": one_of("list", "get", "cancel", "interrupt")},
     {"sessionId": TEXT, "includeSensitive": FLAG}),
    ("send_command", "Send a command to an interactive session and wait for output",
     {"session_id": TEXT, "input": TEXT},
     {"timeout_ms": NUMBER, "max_output_chars": NUMBER}),
    ("session_list", "List the sessions", {}, {}),
    ("session_kill", "Kill a session and everything that runs in it",
     {"sessionId": TEXT}, {}),
    ("read_output", "Read what a session has printed", {"session_id": TEXT}, {}),
    ("delete_account", "Delete an account for ever", {"account": TEXT}, {}),
]


class Refused(Exception):
    """A request that gets an error of JSON-RPC: its code and message."""


def listed(tool):
    name, description, required, others = tool
    schema = {
        "type": "object",
        "properties": {**required, **others},
        "required": list(required),
    }
    return {"name": name, "description": description, "inputSchema": schema}


def check(tool, arguments):
    """Raises Refused unless the arguments are those that the tool declares."""
    _, _, required, others = tool
    for name in required:
        if name not in arguments:
            raise Refused(-32602, f"missing argument {name}")
    for name, schema in {**required, **others}.items():
        if name not in arguments:
            continue
        value = arguments[name]
        fits = isinstance(value, KINDS[schema["type"]])
        if isinstance(value, bool) and schema is not FLAG:
            fits = False
        if not fits or value not in schema.get("enum", [value]):
            raise Refused(-32602, f"argument {name} has the wrong type or value")


class Server(ThreadingHTTPServer):
    """The server, with a count of what it ran by tool."""

    daemon_threads = True
    # Ctrl-C and a new start find the port free.
    allow_reuse_address = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Handler)
        self.lock = threading.Lock()
        self.ran = Counter()

    def start(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def count(self, tool):
        with self.lock:
            return self.ran[tool]

    def result(self, method, params):
        """The result of one request."""
        if method == "initialize":
            asked = params.get("protocolVersion")
            return {
                "protocolVersion": asked if asked in REVISIONS else REVISIONS[0],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "demo-server", "version": "1"},
            }
        if method == "ping":
            return {}
        if method == "tools/list":
            return {"tools": [listed(tool) for tool in TOOLS]}
        if method == "tools/call":
            return self.call(params)
        raise Refused(-32601, "method not found")

    def call(self, params):
        name, arguments = params.get("name"), params.get("arguments") or {}
        tool = next((tool for tool in TOOLS if tool[0] == name), None)
        if tool is None or not isinstance(arguments, dict):
            raise Refused(-32602, "no such tool")
        check(tool, arguments)
        with self.lock:
            self.ran[name] += 1
        text = f"{name} {compact(arguments)}"
        return {"content": [{"type": "text", "text": text}], "isError": False}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # Head and body of an answer are two writes.
    disable_nagle_algorithm = True

    def do_POST(self):
        try:
            length = int(self.headers.get("content-length", ""))
        except ValueError:
            return self.chunked()
        return self.answer(self.rfile.read(length))

    def chunked(self):
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return self.answer(body)

    def do_GET(self):
        # No stream of the server's own, which MCP allows.
        self.reply(405)

    do_DELETE = do_GET

    def answer(self, body):
        try:
            message = json.loads(body)
        except ValueError:
            return self.error(None, -32700, "not JSON")
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            return self.error(None, -32600, "not a request")
        if "id" not in message:
            return self.reply(202)
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        try:
            result = self.server.result(message["method"], params)
        except Refused as refused:
            return self.error(message["id"], *refused.args)
        return self.say({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def error(self, request_id, code, message):
        error = {"code": code, "message": message}
        self.say({"jsonrpc": "2.0", "id": request_id, "error": error})

    def say(self, message):
        self.reply(200, compact(message).encode())

    def reply(self, status, body=b""):
        self.send_response(status)
        if body:
            self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing: Envoy's access log has all that comes here."""


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


if __name__ == "__main__":
    server = Server(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(server.server_port, flush=True)
    server.serve_forever()
