"""What to run, where, and under which configuration; and Envoy while it runs."""

import http.client
import json
import os
import re
import socket
import subprocess
import time

import page
from story import Wrong

# The file that users copy, and the module in it.
SHIPPED = "envoy/envoy.yaml"
MODULE = "target/mcp_policy_filter.wasm"
# For Envoy's log, and a changed copy of the file.
DIRECTORY = os.environ.get("RUN_DIRECTORY") or "target/run"
PORTS = {"PORT": 10000, "ADMIN_PORT": 9901, "UPSTREAM_PORT": 9100}
# Seconds until Envoy serves, on a machine that is busy.
PATIENCE = 60
# The filter's own lines in Envoy's log.
FAULT = "mcp-policy-filter: bad policy: "
# The filter that refuses requests without the mark.
GUARD = "envoy.filters.http.rbac"
MARK = "wasm.mcp_policy"


class Settings:
    """The environment's choices. An error is a line for the user."""

    def __init__(self, environment):
        self.shipped, self.log = SHIPPED, f"{DIRECTORY}/envoy.log"
        self.envoy = environment.get("ENVOY_BIN")
        if not self.envoy:
            raise Wrong("ENVOY_BIN is not set; `make demo` and `make run` set it")
        self.module = environment.get("MODULE") or MODULE
        if not os.path.isfile(self.module):
            raise Wrong(f"there is no module at {self.module}; `make build` makes it")
        ports = {name: port_of(environment, name) for name in PORTS}
        self.port, self.admin, self.upstream = ports.values()
        self.ports = ports
        # make exports it in any case, empty where nobody chose one.
        self.policy = environment.get("POLICY") or None
        self.policy_text = policy_text(self.policy) if self.policy else None

    def check_ports(self):
        """Raises Wrong if one of the ports is taken, or two are the same."""
        bound = []
        try:
            for name, number in self.ports.items():
                listener = socket.socket()
                bound.append(listener)
                # As servers do: an ended connection does not keep a port.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    listener.bind(("127.0.0.1", number))
                    listener.listen()
                except OSError as error:
                    why = error.strerror or error
                    raise Wrong(f"port {number}: {why}; choose another with {name}=...") from error
        finally:
            for listener in bound:
                listener.close()

    def configuration(self):
        """The shipped file if it fits, else a copy with other ports, module or policy."""
        same_module = os.path.realpath(self.module) == os.path.realpath(MODULE)
        if self.ports == PORTS and same_module and self.policy is None:
            return SHIPPED
        try:
            with open(SHIPPED, encoding="utf-8") as file:
                lines = file.read().splitlines()
        except OSError as error:
            raise Wrong(f"{SHIPPED}: {error.strerror}; run this from the root") from error
        lines = [self.substituted(line) for line in lines]
        if self.policy is not None:
            lines = with_policy(lines, self.policy_text)
        copy = f"{DIRECTORY}/envoy.yaml"
        with open(copy, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        what = "policy, ports" if self.policy else "ports"
        page.say(f"Your {what} and module are in a copy of {SHIPPED}: {copy}")
        if self.policy is not None and not marks(self.policy_text):
            page.say("The policy does not set mark_requests, so the copy has no guard.")
        return copy

    def substituted(self, line):
        """A line with this module and these ports, of which it has at most one."""
        start = re.match(r"\s*(?=filename: )", line)
        if start:
            return f"{start[0]}filename: {json.dumps(self.module)}"
        for name, shipped in PORTS.items():
            literal = f"port_value: {shipped} "
            if literal in line:
                return line.replace(literal, f"port_value: {self.ports[name]} ")
        return line


def port_of(environment, name):
    text = environment.get(name) or str(PORTS[name])
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Wrong(f"{name}={text} is not a port")
    return int(text)


def policy_text(path):
    """The text of a policy. What is in it, the filter judges; that it is JSON at all
    is said here, with the place."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        json.loads(text)
    except OSError as error:
        raise Wrong(f"POLICY={path}: {error.strerror}; name a file with a policy in JSON") from error
    except UnicodeDecodeError as error:
        raise Wrong(f"POLICY={path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except json.JSONDecodeError as error:
        if path.endswith((".yaml", ".yml")):
            remedy = f"`mcp-policy render {path} --for envoy` puts one in YAML into a configuration"
            raise Wrong(f"POLICY={path}: not JSON; {remedy}") from error
        place = f"line {error.lineno}, column {error.colno}"
        raise Wrong(f"POLICY={path}: not JSON: {error.msg}, at {place}") from error
    except RecursionError as error:
        raise Wrong(f"POLICY={path}: nested too deep") from error
    return text


def marks(policy):
    """Whether requests are marked under a policy, as the guard asks for."""
    policy = json.loads(policy)
    settings = policy.get("settings") if isinstance(policy, dict) else None
    return isinstance(settings, dict) and settings.get("mark_requests") is True


def without_guard(lines):
    """A configuration without the filter that refuses what has no mark, and without
    the comment above it."""
    starts = [i for i, line in enumerate(lines) if line.strip() == f"- name: {GUARD}"]
    for begin in reversed(starts):
        indent = len(lines[begin]) - len(lines[begin].lstrip())
        end = begin + 1
        while end < len(lines) and (
            not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent
        ):
            end += 1
        # RBAC for another purpose stays.
        if not any(line.strip() == f"key: {MARK}" for line in lines[begin:end]):
            continue
        while begin and lines[begin - 1].lstrip().startswith("#"):
            begin -= 1
        lines = lines[:begin] + lines[end:]
    return lines


def with_policy(lines, policy):
    """A configuration with another policy, whatever form the one in it has. A string
    of JSON is one of YAML too, and a StringValue reaches the filter byte for byte.
    The guard behind the filter goes if the policy does not mark requests: it would
    refuse them all."""
    if not marks(policy):
        lines = without_guard(lines)
    places = [i for i, line in enumerate(lines) if line.strip() == "configuration:"]
    if len(places) != 1:
        raise Wrong(
            f"a policy takes the place of what stands below the line `configuration:`, of which "
            f"there is to be one, and there are {len(places)}"
        )
    begin = places[0]
    indent = len(lines[begin]) - len(lines[begin].lstrip())
    end = begin + 1
    while end < len(lines) and (
        not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent
    ):
        end += 1
    pad = " " * (indent + 2)
    value = json.dumps(policy, ensure_ascii=False)
    return [
        *lines[: begin + 1],
        f'{pad}"@type": type.googleapis.com/google.protobuf.StringValue',
        f"{pad}value: {value}",
        "",
        *lines[end:],
    ]


class Envoy:
    """A running Envoy; ended by `stop`."""

    def __init__(self, settings, to_terminal):
        self.settings = settings
        os.makedirs(DIRECTORY, exist_ok=True)
        command = [
            settings.envoy, "-c", settings.configuration(),
            "--disable-hot-restart", "--concurrency", "2", "--file-flush-interval-msec", "50",
        ]
        with open(settings.log, "w", encoding="utf-8") as log:
            # Access logs go to Envoy's stdout.
            stdout = None if to_terminal else log
            try:
                # A group of its own: Ctrl-C reaches this program, which ends Envoy.
                self.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=log,
                    start_new_session=True,
                )
            except OSError as error:
                raise Wrong(f"{settings.envoy}: {error.strerror}") from error
        # Ends Envoy should this program be killed: then the pipe closes.
        self.watchdog = subprocess.Popen(
            ["sh", "-c", 'read -r _; kill "$0"', str(self.process.pid)],
            stdin=subprocess.PIPE, start_new_session=True,
        )

    def stop(self):
        # Before Envoy, whose number may be another's afterwards.
        self.watchdog.kill()
        self.watchdog.wait()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_until_serving(self):
        deadline = time.monotonic() + PATIENCE
        while not self.serves():
            self.check()
            if time.monotonic() > deadline:
                raise Wrong(f"Envoy does not serve after {PATIENCE} s; see {self.settings.log}")
            time.sleep(0.05)

    def serves(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.settings.admin, timeout=5)
        try:
            connection.request("GET", "/ready")
            if connection.getresponse().status != 200:
                return False
            socket.create_connection(("127.0.0.1", self.settings.port), 5).close()
            return True
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def check(self):
        """Raises Wrong if Envoy has ended: how, and its last words."""
        status = self.process.poll()
        if status is None:
            return
        with open(self.settings.log, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        faults = [line.split(FAULT, 1)[1] for line in lines if FAULT in line]
        if faults:
            where = self.settings.policy or SHIPPED
            faults = "\n".join(f"  {fault}" for fault in dict.fromkeys(faults))
            raise Wrong(f"the filter refuses the policy in {where}:\n{faults}")
        # Its start alone is a hundred lines of what it is made of.
        lines = [line for line in lines if "][info][" not in line][-15:]
        end = "\n".join(lines)
        raise Wrong(f"Envoy ended (status {status}); the end of {self.settings.log}:\n{end}")

    def wait(self):
        """Waits until Envoy ends, which raises Wrong."""
        self.process.wait()
        self.check()
