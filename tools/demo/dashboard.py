"""The dashboard of envoy/grafana, drawn without Grafana: its own queries, put to a real
Prometheus that scrapes an Envoy with the filter in it while agents call.

    dashboard.py FILE

It starts the demo's MCP server, Envoy with `envoy/envoy.yaml` and the policy beside this
file, and Prometheus; calls for two minutes; and draws the answers. ENVOY_BIN, PROMETHEUS,
PORT, ADMIN_PORT and UPSTREAM_PORT are as for the demo. `scripts/draw-dashboard` calls it.
"""

import http.client
import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

import chart
import stand
from server import Server
from story import Wrong, call, request

HERE = os.path.dirname(os.path.abspath(__file__))
DASHBOARD = "envoy/grafana/dashboard.json"
# Seconds of traffic before the picture begins, and in it; between scrapes, and in a rate.
BEFORE, SHOWN, SCRAPE, RATE = 16, 120, 2, "16s"
# The name of the Envoy, which would otherwise be that of a port.
INSTANCE = "gateway-1"


class Client:
    """One agent, on a connection of its own."""

    def __init__(self, port, name):
        self.name, self.connection = name, http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(self, method, path, body=None, **more):
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "x-agent-id": self.name,
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        try:
            return json.loads(text)
        except ValueError:
            return {}

    def call(self, tool, arguments="{}"):
        return self.send("POST", "/mcp", call(1, tool, arguments))


def planner(client, since):
    """Reads and lists, and at times sends more than it may."""
    busy = 1 + math.sin(since / 14)
    client.call("session_list")
    for _ in range(round(1 + 2 * busy)):
        client.call("read_output", '{"session_id":"s1"}')
    for _ in range(round(2 * busy)):
        client.call("session_send", '{"sessionId":"s1","message":"hello"}')
    client.send("POST", "/mcp", request(1, "tools/list", "{}"))


def coder(client, since):
    """Runs commands, and after a minute tries what it may not."""
    client.call("send_command", '{"session_id":"s1","input":"make"}')
    if 50 < since % 100 < 75:
        client.call("send_command", '{"session_id":"s1","input":"rm -rf /srv"}')
        client.call("send_command", '{"session_id":"s1","input":"make","timeout_ms":1}')
        client.call("claude_code_session", '{"action":"cancel"}')
        client.call("delete_account", '{"account":"a1"}')
        client.call("drop_table", '{"table":"users"}')


def trial(client, since):
    """Is in shadow mode."""
    client.call("session_list")
    if since % 40 < 25:
        client.call("session_send", '{"sessionId":"s2","message":"hello"}')


def broken(client, since):
    """Cannot write JSON-RPC."""
    if since % 60 < 30:
        client.send("POST", "/mcp", "{")
        client.send("POST", "/mcp", '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}')
    client.send("GET", "/admin")
    if since % 30 < 10:
        client.send("POST", "/mcp", f"[{request(1, 'ping', '{}')}]")


def cleaner(client, since):
    """Kills sessions, and ann approves every second time."""
    number = int(since)
    body = call(1, "session_kill", f'{{"sessionId":"s{number // 6}"}}')
    answer = client.send("POST", "/mcp", body)
    asked = (answer.get("error") or {}).get("data", {}).get("approval", {}).get("id")
    if asked and number % 6 > 2:
        ann = Client(client.connection.port, "ann")
        path = f"/mcp-approvals/{asked}"
        digest = ann.send("GET", path).get("digest")
        decision = "approve" if number % 12 > 5 else "deny"
        ann.send("POST", f"{path}/{decision}", mcp_approval_digest=digest or "")


AGENTS = {"planner": planner, "coder": coder, "trial-1": trial, "broken": broken, "cleaner": cleaner}


def work(port, name, agent, start, over):
    client = Client(port, name)
    while not over.is_set():
        try:
            agent(client, time.time() - start)
        except (OSError, http.client.HTTPException):
            # A refusal that closes the connection.
            client = Client(port, name)
        over.wait(0.5 + random.random() / 4)


class Prometheus:
    """A running Prometheus; ended by `stop`."""

    def __init__(self, program, directory, admin):
        self.port = admin + 1
        scraping = {
            "job_name": "envoy",
            "metrics_path": "/stats/prometheus",
            "static_configs": [{"targets": [f"127.0.0.1:{admin}"], "labels": {"instance": INSTANCE}}],
        }
        # JSON is YAML.
        path = os.path.join(directory, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as file:
            every = {"scrape_interval": f"{SCRAPE}s"}
            json.dump({"global": every, "scrape_configs": [scraping]}, file)
        data = os.path.join(directory, f"prometheus-{os.getpid()}")
        with open(os.path.join(directory, "prometheus.log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [program, f"--config.file={path}", f"--storage.tsdb.path={data}",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def ask(self, path, **parameters):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(connection.getresponse().read())
        if answer.get("status") != "success":
            raise Wrong(f"Prometheus: {answer}")
        return answer["data"]["result"]

    def lines(self, panel, begin, end):
        """The lines of a panel: a name, and values by their times."""
        found = []
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", RATE).replace("$instance", ".+")
            for series in self.ask("query_range", query=expression, start=begin, end=end, step=SCRAPE):
                name = target.get("legendFormat") or ""
                for label, value in series["metric"].items():
                    name = name.replace(f"{{{{{label}}}}}", value)
                values = [(float(at) - begin, float(value)) for at, value in series["values"]]
                values = [pair for pair in values if math.isfinite(pair[1])]
                # A label that this series does not have.
                found.append((" ".join(part for part in name.split() if "{{" not in part), values))
        return found


def run(program):
    """The panels of the dashboard with their lines."""
    environment = {**os.environ, "POLICY": os.path.join(HERE, "dashboard.json")}
    settings = stand.Settings(environment)
    settings.check_ports()
    server = Server(settings.upstream)
    server.start()
    envoy = stand.Envoy(settings, to_terminal=False)
    prometheus, over, threads = None, threading.Event(), []
    try:
        envoy.wait_until_serving()
        prometheus = Prometheus(program, stand.DIRECTORY, settings.admin)
        start = time.time()
        for name, agent in AGENTS.items():
            arguments = (settings.port, name, agent, start, over)
            threads.append(threading.Thread(target=work, args=arguments, daemon=True))
            threads[-1].start()
        time.sleep(BEFORE + SHOWN)
        envoy.check()
        end = time.time()
        with open(DASHBOARD, encoding="utf-8") as file:
            dashboard = json.load(file)
        return [
            (panel, prometheus.lines(panel, end - SHOWN, end)) for panel in dashboard["panels"]
        ]
    finally:
        over.set()
        for thread in threads:
            thread.join(5)
        if prometheus:
            prometheus.stop()
        envoy.stop()


def main(file):
    program = os.environ.get("PROMETHEUS")
    if not program:
        raise Wrong("PROMETHEUS is not set; `scripts/draw-dashboard` sets it")
    picture = chart.dashboard(run(program), SHOWN)
    with open(file, "w", encoding="utf-8") as out:
        out.write(picture)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("dashboard: stopped"))
    if len(sys.argv) != 2:
        sys.exit("dashboard.py FILE")
    try:
        main(sys.argv[1])
    except (Wrong, OSError) as error:
        sys.exit(f"dashboard: {error}")
