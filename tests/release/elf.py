"""As much of an ELF file as its dynamic linker reads: what a shared object needs, and
what it gives. By hand, as `readelf` may not be there and nothing else of it is needed:

    python3 tests/release/elf.py FILE

prints that.
"""

import struct
import sys

MACHINES = {62: "x86_64", 183: "aarch64"}

# Program headers.
LOAD, DYNAMIC, STACK, RELRO = 1, 2, 0x6474E551, 0x6474E552
# Entries of the dynamic section.
NEEDED, STRTAB, SYMTAB, FLAGS, VERSYM, VERNEED, VERNEEDNUM, RPATH, RUNPATH, HASH = (
    1, 5, 6, 30, 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF, 15, 29, 4,
)  # fmt: skip
BIND_NOW = 8


class SharedObject:
    def __init__(self, data):
        self.data = data
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("not a 64-bit little-endian ELF file")
        kind, machine = struct.unpack_from("<HH", data, 16)
        if kind != 3:
            raise ValueError(f"not a shared object but of type {kind}")
        self.machine = MACHINES[machine]
        offset, size, count = *struct.unpack_from("<Q", data, 32), *struct.unpack_from("<HH", data, 54)
        self.segments = [
            struct.unpack_from("<IIQQQQQQ", data, offset + index * size) for index in range(count)
        ]
        self.dynamic = list(self._dynamic())
        strings = self._at(self._one(STRTAB))
        self._text = lambda at: data[strings + at : data.index(b"\0", strings + at)].decode()
        self.needed = [self._text(value) for tag, value in self.dynamic if tag == NEEDED]
        self.versions = self._versions()
        self.imports, self.exports = self._symbols()

    def _dynamic(self):
        [(_, _, offset, _, _, size, _, _)] = [s for s in self.segments if s[0] == DYNAMIC]
        for at in range(offset, offset + size, 16):
            tag, value = struct.unpack_from("<QQ", self.data, at)
            if tag == 0:
                return
            yield tag, value

    def _one(self, tag):
        [value] = [value for other, value in self.dynamic if other == tag]
        return value

    def _at(self, address):
        """Where in the file an address is."""
        for kind, _, offset, start, _, size, _, _ in self.segments:
            if kind == LOAD and start <= address < start + size:
                return offset + address - start
        raise ValueError(f"{address:#x} is in no segment")

    def _versions(self):
        """The versions that are asked of other libraries, by their numbers."""
        found, at = {}, self._at(self._one(VERNEED))
        for _ in range(self._one(VERNEEDNUM)):
            _, count, _, first, following = struct.unpack_from("<HHIII", self.data, at)
            each = at + first
            for _ in range(count):
                _, _, number, name, step = struct.unpack_from("<IHHII", self.data, each)
                found[number & 0x7FFF] = self._text(name)
                each += step
            at += following
        return found

    def _symbols(self):
        """Names of symbols with their versions: those asked for, and those given."""
        imports, exports = {}, set()
        symbols, versions = self._at(self._one(SYMTAB)), self._at(self._one(VERSYM))
        _, count = struct.unpack_from("<II", self.data, self._at(self._one(HASH)))
        for index in range(1, count):
            name, _, _, section, _, _ = struct.unpack_from("<IBBHQQ", self.data, symbols + 24 * index)
            (number,) = struct.unpack_from("<H", self.data, versions + 2 * index)
            if section == 0:
                imports[self._text(name)] = self.versions.get(number & 0x7FFF)
            else:
                exports.add(self._text(name))
        return imports, exports

    @property
    def newest_glibc(self):
        """The highest version of glibc that is asked for, as numbers."""
        asked = [v for v in self.versions.values() if v.startswith("GLIBC_")]
        return max(tuple(map(int, version[6:].split("."))) for version in asked)

    @property
    def is_hardened(self):
        """Whether nothing is both written and run, and all is bound at load."""
        writable_code = any(flags & 3 == 3 for kind, flags, *_ in self.segments if kind == LOAD)
        stack = [flags & 1 for kind, flags, *_ in self.segments if kind == STACK]
        relro = any(kind == RELRO for kind, *_ in self.segments)
        now = any(tag == FLAGS and value & BIND_NOW for tag, value in self.dynamic)
        return not writable_code and stack == [0] and relro and now

    @property
    def searches(self):
        """Whether it says where to look for libraries."""
        return any(tag in (RPATH, RUNPATH) for tag, _ in self.dynamic)


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        shared = SharedObject(file.read())
    print(shared.machine, *shared.needed, "glibc", *shared.newest_glibc, shared.is_hardened)
    print(*sorted(shared.exports), sep="\n")
    print(*(f"{name} {version or ''}" for name, version in sorted(shared.imports.items())), sep="\n")
