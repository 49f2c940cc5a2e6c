"""A server of MCP that lists the tools of a file as they are written there, one tool a page.

server.py stdio FILE, or server.py http FILE and server.py events FILE, which print their port.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

WAY, FILE = sys.argv[1:]
TOOLS = [line for line in open(FILE, encoding="utf-8").read().splitlines() if line]


def answer(message):
    method, mark = message["method"], json.dumps(message.get("id"))
    if method == "initialize":
        result = json.dumps(
            {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "lists", "version": "1"},
            }
        )
    elif method == "tools/list":
        page = int((message.get("params") or {}).get("cursor") or 0)
        more = f',"nextCursor":"{page + 1}"' if page + 1 < len(TOOLS) else ""
        result = f'{{"tools":[{TOOLS[page]}]{more}}}'
    else:
        return None
    return f'{{"jsonrpc":"2.0","id":{mark},"result":{result}}}'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        text = answer(json.loads(body))
        if text is None:
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        kind = "application/json"
        if WAY == "events":
            kind, text = "text/event-stream", f": hello\n\nevent: message\ndata: {text}\n\n"
        body = text.encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if WAY == "stdio":
    for line in sys.stdin:
        text = answer(json.loads(line))
        if text is not None:
            print(text, flush=True)
else:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    print("listening on", server.server_port, flush=True)
    server.serve_forever()
