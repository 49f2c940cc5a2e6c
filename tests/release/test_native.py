"""The native module as it is published: what it needs of a machine, what it gives to
Envoy, and, on a machine of its kind, Envoy with it.
"""

import http.client
import http.server
import json
import os
import platform
import re
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from elf import SharedObject
from published import FILES, MACHINES, ROOT, native_module

# The oldest glibc that Rust's own standard library runs with. Envoy's needs a newer one.
GLIBC = (2, 17)
# The parts of glibc, which were files of their own before 2.34. Nothing else may be
# needed: Envoy's images have no libgcc_s.
LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "ld-linux-x86-64.so.2",
             "ld-linux-aarch64.so.1"}  # fmt: skip


def named_in_the_sources(pattern):
    texts = (file.read_text() for file in (ROOT / "native" / "src" / "abi").rglob("*.rs"))
    return {name for text in texts for name in re.findall(pattern, text)}


@unittest.skipUnless(MACHINES, "the native module was not compiled here")
class TheNativeModules(unittest.TestCase):
    def setUp(self):
        self.modules = {name: SharedObject(native_module(name).read_bytes()) for name in MACHINES}

    def test_there_is_one_for_each_machine_and_no_other(self):
        found = {file.name for file in FILES.glob("*.so")}
        self.assertEqual(found, {native_module(machine).name for machine in MACHINES})
        for name, module in self.modules.items():
            self.assertEqual(module.machine, name)

    def test_they_need_an_old_glibc_and_nothing_else(self):
        for name, module in self.modules.items():
            self.assertLessEqual(module.newest_glibc, GLIBC, name)
            self.assertLessEqual(set(module.needed), LIBRARIES, name)
            self.assertEqual({v[:6] for v in module.versions.values()}, {"GLIBC_"}, name)

    def test_they_give_the_hooks_and_nothing_else(self):
        hooks = named_in_the_sources(r"fn (envoy_dynamic_module_on_\w+)")
        self.assertGreater(len(hooks), 20)
        for name, module in self.modules.items():
            self.assertEqual(module.exports, hooks, name)

    def test_of_envoy_they_ask_for_what_the_sources_name(self):
        prefix = "envoy_dynamic_module_callback_"
        named = named_in_the_sources(r'\w+ = "(\w+)"\(')
        self.assertGreater(len(named), 20)
        for name, module in self.modules.items():
            asked = {symbol for symbol in module.imports if symbol.startswith("envoy_")}
            self.assertLessEqual(asked, {prefix + symbol for symbol in named}, name)
            self.assertGreater(len(asked), 15, name)
            # glibc's alone have versions. The rest is asked for by name where it is there.
            other = {s for s, v in module.imports.items() if v is None} - asked
            self.assertLessEqual(len(other), 8, f"{name}: {other}")

    def test_they_can_be_written_to_nowhere_where_they_run(self):
        for name, module in self.modules.items():
            self.assertTrue(module.is_hardened, name)
            self.assertFalse(module.searches, name)

    def test_they_name_no_path_of_the_machine_that_compiled_them(self):
        # The words are put together so that this file names no machine either.
        folders = ["/ho" + "me", "/ro" + "ot", "/Users", "/tmp", str(Path.home()), str(ROOT)]
        for name, module in self.modules.items():
            for folder in folders:
                path = re.escape(folder.rstrip("/").encode() + b"/")
                if len(path) > 1:
                    self.assertIsNone(re.search(path + rb"[ -~]{0,80}", module.data), name)
            # So that it is not for the lack of any path.
            self.assertIsNotNone(re.search(rb"/cargo/regex-lite-[0-9.]+/src/", module.data), name)
            self.assertIsNotNone(re.search(rb"/mcp-policy-filter/src/", module.data), name)


class Upstream(http.server.BaseHTTPRequestHandler):
    """Answers everything, and counts it."""

    seen = 0

    def do_POST(self):
        type(self).seen += 1
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"jsonrpc":"2.0","id":1,"result":{}}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@unittest.skipUnless(platform.machine() in MACHINES, "there is none for this machine")
class InEnvoy(unittest.TestCase):
    """The shipped configuration, with the file of this release in the place of a built one."""

    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.folder = tempfile.TemporaryDirectory()
        self.ports = {10000: free_port(), 9901: free_port(), 9100: self.server.server_port}
        text = (ROOT / "envoy" / "native" / "envoy.yaml").read_text()
        for shipped, port in self.ports.items():
            text = text.replace(f"port_value: {shipped} ", f"port_value: {port} ")
        module = json.dumps(str(native_module(platform.machine())))
        self.assertIn("filename: target/libmcp_policy_filter.so", text)
        text = text.replace("filename: target/libmcp_policy_filter.so", f"filename: {module}")
        configuration = Path(self.folder.name) / "envoy.yaml"
        configuration.write_text(text)
        self.log = Path(self.folder.name) / "log"
        envoy = subprocess.run(
            [ROOT / "scripts" / "envoy-path"], check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
        with self.log.open("w") as log:
            self.envoy = subprocess.Popen(
                [envoy, "-c", configuration, "--disable-hot-restart", "--concurrency", "2"],
                cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "RUST_BACKTRACE": "1"},
            )  # fmt: skip

    def tearDown(self):
        self.envoy.terminate()
        self.envoy.wait()
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def call(self, tool):
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}}
        headers = {"content-type": "application/json", "accept": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[10000])
        connection.request("POST", "/mcp", json.dumps(body), headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def wait(self):
        while self.envoy.poll() is None:
            try:
                return socket.create_connection(("127.0.0.1", self.ports[10000])).close()
            except ConnectionRefusedError:
                continue
        self.fail(self.log.read_text()[-3000:])

    def test_a_call_is_allowed_and_another_denied(self):
        self.wait()
        self.assertEqual(self.call("session_send")["result"], {})
        self.assertEqual(self.call("session_kill")["error"]["data"]["reason"], "default_deny")
        self.assertEqual(Upstream.seen, 1)
        for _ in range(20):
            answer = self.call("session_send")
        # A minute may have ended meanwhile: 10 of it, and 10 of the next.
        self.assertLessEqual(Upstream.seen, 20)
        if Upstream.seen == 10:
            self.assertEqual(answer["error"]["data"]["reason"], "rate_limited")
        self.assertIsNone(self.envoy.poll())


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    unittest.main()
