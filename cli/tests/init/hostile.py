"""An MCP server that misbehaves: `hostile.py MODE stdio|http [PORT]`.

Over HTTP it prints its port first. PORT is one of the test, to which whatever the
server starts holds a connection: its end is the end of the process.
"""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import time

MODE, WAY = sys.argv[1:3]
ESCAPES = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\u2066\r\nnote: all is well"
MIB = 1 << 20


def tool(name, description="List things", **more):
    return {"name": name, "description": description, "inputSchema": {"type": "object"}, **more}


def page(cursor):
    """The result of `tools/list`, or its whole answer."""
    number = int(cursor or 0)
    if MODE in ("many", "too-many"):
        tools = [tool(f"tool_{number * 1000 + index}") for index in range(1000)]
        if number == 9:
            more = {"nextCursor": "10"} if MODE == "too-many" else {}
            return {"tools": tools, **more}
        return {"tools": tools, "nextCursor": str(number + 1)}
    if MODE == "for-ever":
        return {"tools": [tool("get_it")], "nextCursor": str(number + 1)}
    if MODE == "same-cursor":
        return {"tools": [tool("get_it")], "nextCursor": "7"}
    if MODE == "long-name":
        return {"tools": [tool("get_it"), tool("x" * (10 * MIB))]}
    if MODE == "names":
        names = ["*", "get_*", "", " ", "a b", "get.it", "ns/get", "/get", "é", "\0", "get_it", "x" * 257]
        return {"tools": [tool(name) for name in names]}
    if MODE == "escapes":
        return {"tools": [tool("get" + ESCAPES, "Get it"), tool("it", "Delete it " + ESCAPES)]}
    if MODE == "twice":
        same = [tool("get_it"), tool("get_it"), tool("list_it")]
        return {"tools": same + [tool("list_it", "Delete everything"), tool("Show"), tool("show")]}
    if MODE == "collide":
        return {"tools": [tool("Add_it"), tool("add_it"), tool("ADD_IT"), tool("send_" + "x" * 251)]}
    if MODE == "no-list":
        return {"tools": "none"}
    if MODE == "no-schema":
        return {"tools": [{"name": "get_it"}]}
    return {"tools": [tool("get_it"), tool("delete_it")]}


def answer(message):
    """The answer to a message; None where there is none."""
    method, number = message.get("method"), message.get("id")
    if number is None:
        return None

    def reply(**body):
        return {"jsonrpc": "2.0", "id": number, **body}

    if MODE == "modern":
        if method == "initialize":
            return reply(error={"code": -32601, "message": "Method not found"})
        if method == "server/discover":
            versions = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
            return reply(result={"resultType": "complete", "ttlMs": 0, "cacheScope": "private", **versions})
        if method == "tools/list" and not message["params"]["_meta"]:
            return reply(error={"code": -32602, "message": "No _meta"})
    if method == "initialize":
        if MODE == "refuses":
            return reply(error={"code": -32000, "message": "Not today " + ESCAPES})
        if MODE == "wrong-id":
            return reply(id=number + 1000, result={})
        if MODE == "no-version":
            return reply(result={"serverInfo": {}})
        version = "2999-12-31" if MODE == "lies" else "2025-06-18"
        info = {"name": ESCAPES, "version": "1"}
        return reply(result={"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info})
    if method == "tools/list":
        if MODE == "hangs-up":
            os.kill(os.getppid(), signal.SIGHUP)
        if MODE == "error":
            return reply(error={"code": -32603, "message": "Broken " + ESCAPES, "data": ESCAPES})
        return reply(result=page((message.get("params") or {}).get("cursor")))
    return reply(result={})


def leave_child():
    """Starts a process that would go on for an hour."""
    alive = socket.create_connection(("127.0.0.1", int(sys.argv[3])))
    os.set_inheritable(alive.fileno(), True)
    subprocess.Popen(["sleep", "3600"], close_fds=False)


def terminate(*_):
    """Ends the command that asks this program to end."""
    os.kill(os.getppid(), signal.SIGTERM)
    os._exit(0)


def stdio():
    if MODE == "children":
        leave_child()
    if MODE == "stubborn":
        leave_child()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if MODE == "terminates":
        signal.signal(signal.SIGTERM, terminate)
    if MODE == "dies":
        print("Error: no key " + ESCAPES, file=sys.stderr)
        sys.exit(3)
    if MODE == "garbage":
        print("Starting " + ESCAPES + "\nlistening", flush=True)
        sys.exit(0)
    if MODE == "chatty":
        print("Starting the server", flush=True)
    if MODE == "flood":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        while True:
            os.write(1, b"x" * MIB)
    for line in sys.stdin:
        if MODE == "waits":
            leave_child()
        if MODE in ("silent", "waits"):
            continue
        reply = answer(json.loads(line))
        if reply is not None:
            print(json.dumps(reply), flush=True)
        if MODE == "leaves" and reply is not None:
            os._exit(4)
    while MODE in ("stubborn", "terminates"):
        time.sleep(3600)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if MODE == "old":
            self.send(200, b"event: endpoint\ndata: /messages\n\n", Content_Type="text/event-stream")
        else:
            self.send(405)

    def do_DELETE(self):
        self.send(200 if self.headers["Mcp-Session-Id"] == "s1" else 400)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = json.loads(body)
        if MODE == "silent":
            time.sleep(3600)
        if MODE == "redirect":
            return self.send(307, Location=f"http://127.0.0.1:{sys.argv[3]}/mcp" + "?\u202e".encode().decode("latin-1"))
        if MODE == "unauthorized":
            if self.headers["Authorization"] != "Bearer right":
                return self.send(401, b"no", WWW_Authenticate='Bearer realm="x"')
        if MODE == "old":
            return self.send(405)
        if MODE == "not-found":
            return self.send(404, ("<h1>Nothing here" + ESCAPES).encode())
        if MODE == "page":
            return self.send(200, b"<html>", Content_Type="text/html")
        if MODE == "key" and self.headers["X-Api-Key"] != "k 1":
            return self.send(403, b"no key")
        if MODE == "not-mcp":
            return self.send(200, ("{\"a\": \"" + "\u202e" + "\"}").encode(), Content_Type="application/json")
        if MODE == "session" and message["method"] != "initialize" and self.headers["Mcp-Session-Id"] != "s1":
            return self.send(400, b"no session")
        if MODE == "huge":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(1024 * MIB))
            self.end_headers()
            for _ in range(1024):
                self.wfile.write(b" " * MIB)
            return None
        if MODE == "endless-events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            event = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"'
            while True:
                self.wfile.write(event + b"x" * MIB + b'"}}\n\n')
        reply = answer(message)
        if reply is None:
            return self.send(202)
        text = json.dumps(reply)
        if MODE == "modern" and "error" in reply:
            return self.send(404, text.encode(), Content_Type="application/json")
        if MODE == "events":
            before = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}'
            events = f": hello\r\n\r\nid: 1\ndata:\n\ndata: {before}\n\nevent: message\ndata: {text}\n\n"
            return self.send(200, events.encode(), Content_Type="text/event-stream; charset=utf-8")
        if MODE == "no-answer":
            return self.send(200, b": nothing\n\n", Content_Type="text/event-stream")
        return self.send(200, text.encode(), Content_Type="application/json", Mcp_Session_Id="s1")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that goes away is what some modes are about."""


if WAY == "http":
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
else:
    stdio()
