"""The files that are published, and what they say of the module."""

import hashlib
import json
import os
import re
import subprocess
import tarfile
import unittest
from pathlib import Path

from published import FILES, MACHINES, ROOT, module, native_module, package_version

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def locked(lock=ROOT / "Cargo.lock"):
    """The checksums by (name, version), of the crates that come from crates.io."""
    pattern = r'name = "(.*)"\nversion = "(.*)"\nsource = "(.*)"\nchecksum = "(.*)"'
    found = re.findall(pattern, lock.read_text())
    return {(name, version): sum for name, version, source, sum in found if source == CRATES_IO}


def compiled(script, *arguments, target):
    """Two sets of crates by (name, version), as the compilation itself reports
    them: those of crates.io, and those that may be of the standard library.
    The second is empty where that is not compiled from source.
    """
    command = [ROOT / "scripts" / script, *arguments, "--message-format=json-render-diagnostics"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    messages = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    crates, of_std = set(), set()
    for message in messages:
        # What runs on this machine, to compile the rest, is below no target.
        files = message.get("filenames", [])
        if not any(f"{os.sep}{target}{os.sep}" in file for file in files):
            continue
        crate = re.search(r"^registry.*#(.+)@(.+)$", message["package_id"])
        if crate:
            crates.add(crate.groups())
        elif message["target"]["name"] == "std":
            of_std = locked(Path(message["manifest_path"]).parent.parent / "Cargo.lock").keys()
    return crates, of_std


class TheModule(unittest.TestCase):
    def test_it_names_no_path_of_the_machine_that_compiled_it(self):
        # The words are put together so that this file names no machine either.
        for folder in ["/ho" + "me", "/ro" + "ot", "/Users", str(Path.home()), str(ROOT)]:
            path = re.escape(folder.rstrip("/").encode() + b"/")
            if len(path) > 1:
                self.assertIsNone(re.search(path + rb"[ -~]{0,80}", module()))
        # So that it is not for the lack of any path.
        self.assertIsNotNone(re.search(rb"/cargo/proxy-wasm-[0-9.]+/src/", module()))


class Bill:
    """What a bill of materials has to say of its module."""

    # Of which no registry has a checksum.
    PARTS = {"rust-std"}

    def setUp(self):
        self.document = json.loads((FILES / f"{self.NAME}.cdx.json").read_text())
        self.components = self.document["components"]
        self.crates = [c for c in self.components if c["name"] not in self.PARTS]

    def test_it_lists_exactly_the_crates_that_are_compiled_into_the_module(self):
        listed = {(c["name"], c["version"]) for c in self.crates if c["scope"] == "required"}
        found, of_std = self.compiled()
        self.assertLessEqual(listed, found)
        self.assertEqual(listed - of_std, found - of_std)
        parts = {c["name"] for c in self.components if c not in self.crates}
        self.assertEqual(parts, self.PARTS)

    def test_every_crate_has_its_checksum_licence_and_purl(self):
        checksums = locked(self.LOCK)
        self.assertGreater(len(self.crates), 20)
        for crate in self.crates:
            name, version = crate["name"], crate["version"]
            [found] = crate["hashes"]
            self.assertEqual(found, {"alg": "SHA-256", "content": checksums[name, version]})
            self.assertEqual(crate["purl"], f"pkg:cargo/{name}@{version}")
            self.assertRegex(crate["licenses"][0]["expression"], "^[A-Z0-9(]")

    def test_it_is_of_this_module(self):
        about = self.document["metadata"]["component"]
        digest = hashlib.sha256(self.module()).hexdigest()
        self.assertEqual(about["hashes"], [{"alg": "SHA-256", "content": digest}])
        self.assertEqual(about["version"], package_version())

    def test_every_reference_leads_to_a_component(self):
        names = {c["bom-ref"] for c in self.components} | {self.PACKAGE}
        self.assertEqual(len(names), len(self.components) + 1)
        used = set()
        for entry in self.document["dependencies"]:
            self.assertIn(entry["ref"], names)
            used.update(entry["dependsOn"])
        self.assertEqual(used | {self.PACKAGE}, names)

    def test_the_licence_texts_are_of_every_crate_in_the_module(self):
        text = (FILES / f"{self.LICENCES}.txt").read_text()
        head, *texts = text.split("=" * 80 + "\n")
        for part in self.components:
            if part["scope"] == "required" and part["name"] != "mcp-policy-filter":
                name = f"{part['name']} {part['version']}"
                self.assertIn(f"\n{name}: {part['licenses'][0]['expression']}\n", head)
                if part["name"] != "rust-std":
                    self.assertTrue(any(name in part.splitlines() for part in texts[::2]), name)


class TheBillOfMaterials(Bill, unittest.TestCase):
    NAME = "mcp_policy_filter"
    PACKAGE = "mcp-policy-filter"
    LICENCES = "THIRD-PARTY-LICENSES"
    LOCK = ROOT / "Cargo.lock"

    def module(self):
        return module()

    def compiled(self):
        return compiled("build", target="wasm32-wasip1")


@unittest.skipUnless(MACHINES, "the native module was not compiled here")
class TheNativeBillOfMaterials(Bill, unittest.TestCase):
    PARTS = {"rust-std", "zig-compiler-rt", "zig-libunwind", "mcp-policy-filter"}
    NAME = f"libmcp_policy_filter-{next(iter(MACHINES), None)}-linux-gnu"
    PACKAGE = "mcp-policy-native"
    LICENCES = f"THIRD-PARTY-LICENSES-{NAME}"
    LOCK = ROOT / "native" / "Cargo.lock"

    def module(self):
        return native_module(MACHINES[0]).read_bytes()

    def compiled(self):
        machine = MACHINES[0]
        return compiled("native-for", machine, target=f"{machine}-unknown-linux-gnu")


class TheFiles(unittest.TestCase):
    def test_every_file_has_its_checksum(self):
        lines = (FILES / "SHA256SUMS").read_text().splitlines()
        sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
        files = {str(f.relative_to(FILES)): f for f in FILES.rglob("*") if f.is_file()}
        del files["SHA256SUMS"]
        files.pop("SHA256SUMS.minisig", None)
        found = {name: hashlib.sha256(f.read_bytes()).hexdigest() for name, f in files.items()}
        self.assertEqual(sums, found)
        modules = {name for name in files if name.endswith((".wasm", ".so"))}
        self.assertEqual(len(modules), 1 + len(MACHINES))
        for name in modules:
            line = (FILES / f"{name}.sha256").read_text()
            self.assertEqual(line, f"{sums[name]}  {name}\n")

    def test_what_is_in_folders_is_in_one_file_too(self):
        with tarfile.open(FILES / f"mcp-policy-files-{package_version()}.tar.gz") as archive:
            members = archive.getmembers()
            packed = {m.name: archive.extractfile(m).read() for m in members if m.isfile()}
        here = {str(f.relative_to(FILES)): f for f in FILES.glob("*/**/*") if f.is_file()}
        self.assertIn("envoy/envoy.yaml", packed)
        self.assertEqual(packed, {name: f.read_bytes() for name, f in here.items()})
        self.assertEqual({(m.mtime, m.uid, m.gid, m.uname) for m in members}, {(0, 0, 0, "")})

    def test_what_is_copied_is_what_is_here(self):
        for name in ["policy.schema.json", "LICENSE", "CHANGELOG.md", "envoy/envoy.yaml"]:
            self.assertEqual((FILES / name).read_bytes(), (ROOT / name).read_bytes())


if __name__ == "__main__":
    unittest.main()
