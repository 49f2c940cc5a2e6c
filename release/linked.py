"""What Zig links into the native module and the command besides Rust's crates: a runtime
for panics, which Envoy's images lack, and the functions that compilers call.
"""

from dataclasses import dataclass
from pathlib import Path

import crates

ZIG = crates.ROOT / "target" / "packages" / "zig" / "packages"


@dataclass
class Part:
    name: str
    version: str
    licence: str
    text: Path


def parts():
    """None for a module that Zig did not link."""
    if not crates.NATIVE:
        return []
    [info] = ZIG.glob("ziglang-*.dist-info")
    version = info.name.removeprefix("ziglang-").removesuffix(".dist-info")
    folder = ZIG / "ziglang"
    return [
        Part("zig-compiler-rt", version, "MIT", folder / "LICENSE"),
        Part(
            "zig-libunwind",
            version,
            "Apache-2.0 WITH LLVM-exception",
            folder / "lib" / "libunwind" / "LICENSE.TXT",
        ),
    ]
