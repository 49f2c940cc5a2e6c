"""What `make release` gathered, for the tests to look at."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = ROOT / "target" / "release-files"


def module():
    return (FILES / "mcp_policy_filter.wasm").read_bytes()


def package_version():
    return re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
