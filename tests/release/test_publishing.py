"""What scripts/publish puts on the page of a tag, and what it refuses to. It runs in a
checkout of its own, with a few files for a release and a program in the place of GitHub's.
"""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from published import ROOT, package_version
from test_signing import MINISIGN

VERSION = package_version()
COPIED = [
    "scripts/publish", "scripts/sign", "scripts/minisign", "scripts/lib.sh", "release/notes.py",
    "Cargo.toml", "cli/Cargo.toml", "native/Cargo.toml", "charts/mcp-policy/Chart.yaml",
]  # fmt: skip

# Tells its words, and the names of the files among them that it can read.
GH = """#!/usr/bin/env python3
import json, os, sys
words = sys.argv[1:]
json.dump({"words": words, "there": [w for w in words if os.path.isfile(w)]}, open(os.environ["TOLD"], "w"))
"""


@unittest.skipUnless(MINISIGN, "there is no minisign here")
class Publishing(unittest.TestCase):
    def setUp(self):
        self.checkout = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.checkout)
        for name in COPIED:
            (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.checkout / name)
        self.changelog(f"## {VERSION} - 2026-01-31\n\n### Added\n\n- A thing.\n")
        self.files = self.checkout / "target" / "release-files"
        (self.files / "envoy").mkdir(parents=True)
        for name in ["module.wasm", "NOTES.md", "envoy/envoy.yaml"]:
            (self.files / name).write_text(f"{name}\n")
        programs = self.checkout / "programs"
        programs.mkdir()
        (programs / "gh").write_text(GH)
        (programs / "gh").chmod(0o755)
        self.told = self.checkout / "told.json"
        self.public = self.checkout / "release" / "minisign.pub"
        self.secret = self.checkout / "secret"
        self.key(self.secret, self.public)
        self.environment = {
            **os.environ,
            "PATH": f"{programs}:{Path(MINISIGN).parent}:{os.environ['PATH']}",
            "GITHUB_REF_NAME": f"v{VERSION}",
            "GITHUB_REPOSITORY": "somebody/mcp-policy-filter",
            "TOLD": str(self.told),
        }
        self.environment.pop("MINISIGN_PUBLIC", None)
        self.list()
        self.sign()

    def key(self, secret, public):
        made = [MINISIGN, "-G", "-W", "-f", "-s", secret, "-p", public]
        subprocess.run(made, check=True, capture_output=True)

    def changelog(self, sections):
        (self.checkout / "CHANGELOG.md").write_text(f"# Changelog\n\n{sections}")

    def list(self):
        names = sorted(str(f.relative_to(self.files)) for f in self.files.rglob("*") if f.is_file())
        names = [name for name in names if not name.startswith("SHA256SUMS")]
        done = subprocess.run(["sha256sum", *names], cwd=self.files, capture_output=True, check=True)
        (self.files / "SHA256SUMS").write_bytes(done.stdout)

    def run_script(self, *words):
        return subprocess.run(
            [self.checkout / "scripts" / words[0], *words[1:]], env=self.environment,
            cwd=self.checkout, capture_output=True, text=True,
        )  # fmt: skip

    def sign(self):
        self.environment |= {"MINISIGN_KEY": str(self.secret), "MINISIGN_PUBLIC": str(self.public)}
        done = self.run_script("sign", self.files)
        self.assertEqual(done.returncode, 0, done.stderr)
        del self.environment["MINISIGN_KEY"], self.environment["MINISIGN_PUBLIC"]

    def refuses(self, why, *words):
        done = self.run_script("publish", *words)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(why, done.stderr)
        self.assertFalse(self.told.exists())

    def test_each_file_goes_to_the_page_of_the_tag_with_the_notes(self):
        self.assertEqual(self.run_script("publish", "check").returncode, 0)
        self.assertFalse(self.told.exists())
        done = self.run_script("publish")
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(self.told.read_text())
        files = "target/release-files"
        # No remote is there by which `gh` would know the repository.
        begin = ["release", "create", f"v{VERSION}", "--repo", "somebody/mcp-policy-filter"]
        begin += ["--verify-tag", "--title", VERSION, "--notes-file", f"{files}/NOTES.md"]
        names = ["NOTES.md", "SHA256SUMS", "SHA256SUMS.minisig", "module.wasm"]
        self.assertEqual(told["words"], begin + [f"{files}/{name}" for name in names])
        self.assertEqual(len(told["there"]), 1 + len(names))

    def test_a_tag_is_a_version(self):
        self.environment["GITHUB_REF_NAME"] = "v9.9.9"
        self.refuses("is not of version 9.9.9", "check")

    def test_a_section_without_a_date_is_not_released(self):
        self.changelog(f"## {VERSION} - unreleased\n\n- A thing.\n")
        self.refuses("no section with a date", "check")

    def test_nothing_is_made_without_the_key_that_verifies_it(self):
        self.public.unlink()
        self.refuses("there is no release/minisign.pub", "check")

    def test_nothing_unsigned_is_published(self):
        (self.files / "SHA256SUMS.minisig").unlink()
        self.refuses("is not signed")

    def test_nothing_is_published_that_the_published_key_does_not_verify(self):
        self.key(self.checkout / "another", self.public)
        self.refuses("does not verify the signature")

    def test_no_file_is_published_that_changed_after_the_signature(self):
        (self.files / "module.wasm").write_text("another\n")
        self.refuses("not those that are signed")

    def test_no_file_is_published_that_the_list_does_not_have(self):
        (self.files / "besides").write_text("unsigned\n")
        self.refuses("a file is there that is not signed")

    def test_a_signature_of_another_version_is_found(self):
        comment = ["-t", "mcp-policy-filter 0.0.1", "-c", "checksums"]
        sums = self.files / "SHA256SUMS"
        subprocess.run(
            [MINISIGN, "-S", "-s", self.secret, "-m", sums, "-x", f"{sums}.minisig", *comment],
            check=True, capture_output=True,
        )  # fmt: skip
        self.refuses("is of mcp-policy-filter 0.0.1")

    def test_the_repository_has_to_be_named(self):
        del self.environment["GITHUB_REPOSITORY"]
        self.refuses("by GITHUB_REPOSITORY")


if __name__ == "__main__":
    unittest.main()
