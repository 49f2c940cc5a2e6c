"""What is compiled into a module, as cargo says: the crates, and those that
only helped to compile them.

Cargo is asked in the environment that compiles the module: see
scripts/wasm-toolchain.sh, which names the target, the cargo and the rustc. The native
module and the command are packages of their own, which scripts/release names in
RELEASE_PACKAGE.
"""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = os.environ.get("RELEASE_PACKAGE", "mcp-policy-filter")
TARGET = os.environ.get("CARGO_BUILD_TARGET", "wasm32-wasip1")
FOLDERS = {"mcp-policy-filter": ".", "mcp-policy-native": "native", "mcp-policy": "cli"}
NATIVE = PACKAGE != "mcp-policy-filter"
MANIFEST = ROOT / FOLDERS[PACKAGE] / "Cargo.toml"
# No registry has these.
OURS = FOLDERS.keys()


@dataclass
class Crate:
    name: str
    version: str
    licence: str
    repository: str
    folder: Path
    checksum: str
    """Of the package as the registry has it, from Cargo.lock; our own has none."""
    in_module: bool = False
    uses: set = field(default_factory=set)
    """The (name, version) of the crates that it is compiled with."""

    @property
    def key(self):
        return self.name, self.version


def compiled():
    """All crates by (name, version), the package itself among them."""
    crates, uses = {}, tree("normal,build")
    in_module = tree("normal,no-proc-macro")
    locked = checksums()
    for package in described():
        key = package["name"], package["version"]
        if key in uses:
            crates[key] = Crate(
                name=package["name"],
                version=package["version"],
                # The slash is how the alternative was written before SPDX.
                licence=re.sub(r"\s*/\s*", " OR ", package["license"]),
                repository=package["repository"],
                folder=Path(package["manifest_path"]).parent,
                checksum=locked.get(key),
                in_module=key in in_module,
                uses=uses[key],
            )
    return crates


def tree(edges):
    """Who uses whom. Only `cargo tree` knows the features that the module is
    compiled with: `cargo metadata` mixes in those that the tests need."""
    text = cargo(
        "tree", "--package", PACKAGE, "--target", TARGET, "--edges", edges,
        "--no-dedupe", "--prefix", "depth", "--format", " {p}",
    )  # fmt: skip
    uses, above = {}, []
    for line in text.splitlines():
        depth, name, version = re.match(r"(\d+) (\S+) v(\S+)", line).groups()
        above[int(depth):] = [(name, version)]
        uses.setdefault(above[-1], set())
        if len(above) > 1:
            uses[above[-2]].add(above[-1])
    return uses


def described():
    text = cargo("metadata", "--format-version", "1", "--filter-platform", TARGET)
    return json.loads(text)["packages"]


def checksums():
    """By (name, version), of all packages that come from a registry."""
    found = {}
    for block in MANIFEST.with_name("Cargo.lock").read_text().split("[[package]]\n")[1:]:
        keys = dict(re.findall(r'^(\w+) = "(.*)"$', block, re.MULTILINE))
        if "checksum" in keys:
            found[keys["name"], keys["version"]] = keys["checksum"]
    return found


def cargo(*arguments):
    command = [os.environ.get("WASM_CARGO", "cargo"), *arguments, "--locked"]
    command += ["--manifest-path", MANIFEST]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def rustc():
    """The compiler, and with it its standard library: `rustc -vV` as a dict."""
    command = [os.environ.get("RUSTC", "rustc"), "-vV"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(line.split(": ", 1) for line in lines.splitlines() if ": " in line)
