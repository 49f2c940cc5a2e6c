"""The command that is published, its manual and its completions."""

import re
import subprocess
import unittest
from pathlib import Path

from elf import SharedObject
from published import FILES, MACHINES, ROOT, package_version
from test_files import Bill, compiled
from test_native import GLIBC, LIBRARIES


def command(machine):
    return FILES / f"mcp-policy-{machine}-linux-gnu"


@unittest.skipUnless(MACHINES, "the command was not compiled here")
class TheCommand(unittest.TestCase):
    def test_there_is_one_for_each_machine_and_no_other(self):
        found = {file.name for file in FILES.glob("mcp-policy-*-gnu")}
        self.assertEqual(found, {command(machine).name for machine in MACHINES})

    def test_it_needs_an_old_glibc_and_nothing_else(self):
        for machine in MACHINES:
            file = SharedObject(command(machine).read_bytes())
            self.assertEqual(file.machine, machine)
            self.assertLessEqual(file.newest_glibc, GLIBC, machine)
            self.assertLessEqual(set(file.needed), LIBRARIES, machine)

    def test_it_names_no_path_of_the_machine_that_compiled_it(self):
        # The words are put together so that this file names no machine either.
        folders = ["/ho" + "me", "/ro" + "ot", "/Users", str(Path.home()), str(ROOT)]
        for machine in MACHINES:
            data = command(machine).read_bytes()
            for folder in folders:
                path = re.escape(folder.rstrip("/").encode() + b"/")
                if len(path) > 1:
                    self.assertIsNone(re.search(path + rb"[ -~]{0,80}", data), machine)
            # So that it is not for the lack of any path.
            self.assertIsNotNone(re.search(rb"/cargo/clap_builder-[0-9.]+/src/", data), machine)

    def test_it_checks_the_configurations_that_are_published_with_it(self):
        machine = subprocess.run(["uname", "-m"], capture_output=True, text=True).stdout.strip()
        self.assertIn(machine, MACHINES)
        run = lambda *words: subprocess.run(
            [command(machine), *words], capture_output=True, text=True, cwd=FILES
        )
        self.assertEqual(run("--version").stdout, f"mcp-policy {package_version()}\n")
        done = run("check", "envoy")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(" 0 errors", done.stderr)

    def test_each_verb_has_a_page_and_each_shell_its_completions(self):
        pages = {file.name for file in (FILES / "man").iterdir()}
        self.assertLessEqual({"mcp-policy.1", "mcp-policy-check.1"}, pages)
        shells = {file.name for file in (FILES / "completions").iterdir()}
        self.assertEqual(shells, {"mcp-policy.bash", "_mcp-policy", "mcp-policy.fish"})


@unittest.skipUnless(MACHINES, "the command was not compiled here")
class TheCommandsBillOfMaterials(Bill, unittest.TestCase):
    PARTS = {"rust-std", "zig-compiler-rt", "zig-libunwind", "mcp-policy-filter"}
    NAME = f"mcp-policy-{next(iter(MACHINES), None)}-linux-gnu"
    PACKAGE = "mcp-policy"
    LICENCES = f"THIRD-PARTY-LICENSES-{NAME}"
    LOCK = ROOT / "cli" / "Cargo.lock"

    def module(self):
        return command(MACHINES[0]).read_bytes()

    def compiled(self):
        machine = MACHINES[0]
        return compiled("cli-for", machine, target=f"{machine}-unknown-linux-gnu")


if __name__ == "__main__":
    unittest.main()
