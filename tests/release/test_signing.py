"""The signature of a release, and the commands by which docs/release.md verifies it."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from published import ROOT, package_version


def minisign():
    """The program, or none where it cannot be had."""
    done = subprocess.run([ROOT / "scripts" / "minisign"], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


MINISIGN = minisign()


def commands():
    """What the page has its readers run."""
    page = (ROOT / "docs" / "release.md").read_text()
    [fence] = re.findall(r"^```sh of a release\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return fence.splitlines()


@unittest.skipUnless(MINISIGN, "there is no minisign here")
class TheSignature(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.files = self.folder / "files"
        self.files.mkdir()
        (self.files / "module").write_bytes(b"\0asm")
        (self.files / "schema").write_text("{}\n")
        self.list()
        self.keys = {name: self.key(name) for name in ["ours", "theirs"]}

    def list(self):
        done = subprocess.run(
            ["sha256sum", "module", "schema"], cwd=self.files, capture_output=True, check=True
        )
        (self.files / "SHA256SUMS").write_bytes(done.stdout)

    def key(self, name):
        secret, public = self.folder / f"{name}.key", self.folder / f"{name}.pub"
        made = [MINISIGN, "-G", "-W", "-s", secret, "-p", public]
        subprocess.run(made, check=True, capture_output=True)
        return secret, public

    def sign(self, secret, public):
        environment = {**os.environ, "MINISIGN_KEY": str(secret), "MINISIGN_PUBLIC": str(public)}
        return subprocess.run(
            [ROOT / "scripts" / "sign", self.files], env=environment, capture_output=True, text=True
        )

    def verify(self):
        """The status of each command of the page, and all that they print."""
        shutil.copy(self.keys["ours"][1], self.files / "minisign.pub")
        path = f"{Path(MINISIGN).parent}:{os.environ['PATH']}"
        done = [
            subprocess.run(
                ["sh", "-c", line], cwd=self.files, env={**os.environ, "PATH": path},
                capture_output=True, text=True,
            )
            for line in commands()
        ]  # fmt: skip
        return [one.returncode == 0 for one in done], "".join(one.stdout for one in done)

    def test_what_is_signed_is_verified_as_the_page_says(self):
        signed = self.sign(*self.keys["ours"])
        self.assertEqual(signed.returncode, 0, signed.stderr)
        self.assertEqual(signed.stdout.strip(), str(self.files / "SHA256SUMS.minisig"))
        holds, told = self.verify()
        self.assertEqual(holds, [True, True])
        self.assertIn(f"mcp-policy-filter {package_version()}", told)

    def test_a_part_of_the_files_is_enough(self):
        self.sign(*self.keys["ours"])
        (self.files / "schema").unlink()
        self.assertEqual(self.verify()[0], [True, True])

    def test_a_changed_file_is_found(self):
        self.sign(*self.keys["ours"])
        (self.files / "module").write_bytes(b"\0asm.")
        self.assertEqual(self.verify()[0], [True, False])

    def test_a_changed_list_is_found(self):
        self.sign(*self.keys["ours"])
        (self.files / "module").write_bytes(b"\0asm.")
        self.list()
        self.assertEqual(self.verify()[0], [False, True])

    def test_the_key_of_somebody_else_is_found(self):
        self.sign(*self.keys["theirs"])
        self.assertEqual(self.verify()[0], [False, True])

    def test_nothing_is_signed_by_a_key_whose_public_half_is_another(self):
        signed = self.sign(self.keys["theirs"][0], self.keys["ours"][1])
        self.assertNotEqual(signed.returncode, 0)
        self.assertIn("not the public key", signed.stderr)
        self.assertFalse((self.files / "SHA256SUMS.minisig").exists())

    def test_nothing_is_signed_that_the_list_does_not_have(self):
        (self.files / "module").write_bytes(b"another")
        signed = self.sign(*self.keys["ours"])
        self.assertNotEqual(signed.returncode, 0)
        self.assertIn("the files are not those", signed.stderr)


if __name__ == "__main__":
    unittest.main()
