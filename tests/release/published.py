"""What `make release` gathered, for the tests to look at."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = ROOT / "target" / "release-files"

# The machines that the native module was compiled for: scripts/release says so.
MACHINES = os.environ.get("RELEASE_MACHINES", "x86_64 aarch64").split()


def module():
    return (FILES / "mcp_policy_filter.wasm").read_bytes()


def native_module(machine):
    return FILES / f"libmcp_policy_filter-{machine}-linux-gnu.so"


def package_version():
    return re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
