"""counted.py COUNTS: prints what a module counted that rustc compiled with
-Cprofile-generate for WebAssembly, as llvm-profdata reads it.

No runtime writes it there, so traffic.mjs takes it from the module's memory: the
sections that LLVM calls __llvm_prf_cnts, __llvm_prf_data and __llvm_prf_names
(InstrProfData.inc in LLVM's sources).
"""

import hashlib
import json
import pathlib
import struct
import sys

from wasm import read

# A function's record, of 32-bit addresses: its name by the first bytes of an MD5, the
# hash of its flow, its counters' place from that of the record, and their number.
RECORD = struct.Struct("<8sQi12xI12x")


def names(section):
    """By digest, the names of the functions, in blocks that are not compressed."""
    at, found = 0, {}
    while at < len(section):
        size, at = read(section, at)
        compressed, at = read(section, at)
        if compressed:
            raise ValueError("the names are compressed")
        for name in section[at : at + size].split(b"\1"):
            found[hashlib.md5(name).digest()[:8]] = name.decode()
        at += size
        # What fills up to the next block.
        while at < len(section) and not section[at]:
            at += 1
    return found


def main(counts):
    counters, data, called, places = (
        pathlib.Path(f"{counts}.{part}").read_bytes() for part in ("cnts", "data", "names", "places")
    )
    places = json.loads(places)
    called = names(called)
    print(":ir")
    for at, (name, flow, place, count) in zip(range(0, len(data), RECORD.size), RECORD.iter_unpack(data)):
        first = places["data"] + at + place - places["cnts"]
        values = struct.unpack_from(f"<{count}Q", counters, first)
        print(called[name], flow, count, *values, "", sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
