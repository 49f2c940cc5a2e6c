"""Branch hints: which ways a call takes, written into the module for V8.

Between two calls Envoy runs more code than the caches of a core hold, so most of the
time of a call is that of fetching its code. V8 puts the code of a branch that is hinted
to be unlikely behind the rest of its function. Hints change nothing of what the module
does: an engine may ignore them, and one that is wrong costs a little time.

    hints.py count MODULE COUNTING   writes a module that counts its branches
    hints.py learn MODULE COUNTS     prints the ways that were always taken
    hints.py apply MODULE WAYS OUT   writes the module with hints

`release/branches.txt` has a line for each function: a digest of its instructions, and a
letter for each of its branches. A function that has changed has no hints, until
scripts/branches learns them anew. Another Rust writes other instructions for most
functions, so the first line names the Rust of that module.
"""

import collections
import hashlib
import json
import sys

NEVER, ALWAYS, BOTH = "n", "a", "-"
# Below this part of the functions, the ways have to be learned anew.
WORTH = 0.8
SECTION = b"metadata.code.branch_hint"
CUSTOM, TYPE, IMPORT, FUNCTION, GLOBAL, EXPORT, CODE = 0, 1, 2, 3, 6, 7, 10
IF, BR_IF = 0x04, 0x0D


def unsigned(number):
    """A number in LEB128."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(encoded + bytes([number]))


def read(data, at):
    """A number in LEB128, and the offset behind it."""
    number = shift = 0
    while True:
        byte = data[at]
        number, shift, at = number | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return number, at


def sections(module):
    """The number and the content of each section."""
    at = 8
    while at < len(module):
        number = module[at]
        size, start = read(module, at + 1)
        at = start + size
        yield number, module[start:at]


def joined(module, parts):
    """A module of these sections."""
    packed = (bytes([number]) + unsigned(len(content)) + content for number, content in parts)
    return module[:8] + b"".join(packed)


def entries(content, one):
    """The entries of a section, each of which `one` reads."""
    count, at = read(content, 0)
    found = []
    for _ in range(count):
        entry, at = one(content, at)
        found.append(entry)
    return found


def body(content, at):
    size, at = read(content, at)
    return content[at : at + size], at + size


def kind_of_import(content, at):
    for _ in range(2):
        size, at = read(content, at)
        at += size
    kind = content[at]
    if kind != 0:
        raise ValueError("only functions are expected among the imports")
    return kind, read(content, at + 1)[1]


def parameters(content, at):
    count, at = read(content, at + 1)
    results, at = read(content, at + count)
    return count, at + results


# The operands of instructions: how many numbers in LEB128 follow.
NUMBERS = {op: 1 for op in (0x0C, 0x0D, 0x10, *range(0x20, 0x27), 0x3F, 0x40, 0x41, 0x42, 0xD2)}
NUMBERS.update({op: 2 for op in (0x11, *range(0x28, 0x3F))})
BYTES = {0x43: 4, 0x44: 8, 0xD0: 1}


def after(code, at):
    """The offset behind the instruction at `at`."""
    op, at = code[at], at + 1
    numbers, size = NUMBERS.get(op, 0), BYTES.get(op, 0)
    if op in (0x02, 0x03, IF):
        numbers = 1
    elif op == 0x0E:
        numbers, at = read(code, at)
        numbers += 1
    elif op == 0x1C:
        size, at = read(code, at)
    elif op == 0xFC:
        kind, at = read(code, at)
        numbers = 0 if kind < 8 else 2 if kind in (8, 10, 12, 14) else 1
    elif op == 0xFD:
        kind, at = read(code, at)
        numbers = 2 if kind <= 11 or 84 <= kind <= 93 else 0
        size = 16 if kind in (12, 13) else 1 if 21 <= kind <= 34 or 84 <= kind <= 91 else 0
    for _ in range(numbers):
        _, at = read(code, at)
    return at + size


class Function:
    """A function's code: its locals, its branches and a digest of its instructions."""

    def __init__(self, code):
        self.code = code
        groups, self.locals = read(code, 0)
        at, self.groups, self.count = self.locals, groups, 0
        for _ in range(groups):
            count, at = read(code, at)
            self.count, at = self.count + count, at + 1
        self.start = at
        self.branches, instructions = [], bytearray()
        while at < len(code):
            if code[at] in (IF, BR_IF):
                self.branches.append(at)
            instructions.append(code[at])
            at = after(code, at)
        self.digest = hashlib.sha256(instructions).hexdigest()[:16]

    def counting(self, local, first):
        """The same code, which counts each branch and its taken ways in two globals."""
        parts = [unsigned(self.groups + 1), self.code[self.locals : self.start], b"\x01\x7f"]
        at, local = self.start, unsigned(local)
        for number, branch in enumerate(self.branches):
            taken, met = unsigned(first + 2 * number), unsigned(first + 2 * number + 1)
            parts += [self.code[at:branch], b"\x22", local, b"\x41\x00\x47\xad"]
            parts += [b"\x23", taken, b"\x7c\x24", taken]
            parts += [b"\x23", met, b"\x42\x01\x7c\x24", met, b"\x20", local]
            at = branch
        return b"".join([*parts, self.code[at:]])


def functions(module):
    found = dict(sections(module))
    return [Function(code) for code in entries(found[CODE], body)]


def count(module):
    """The module that counts; its globals are exported by their numbers."""
    found = dict(sections(module))
    every = functions(module)
    types = entries(found[TYPE], parameters)
    kinds = entries(found[FUNCTION], read)
    own, behind = read(found[GLOBAL], 0)
    codes, branches = [], 0
    for function, kind in zip(every, kinds):
        local = types[kind] + function.count
        codes.append(function.counting(local, own + 2 * branches))
        branches += len(function.branches)
    more = range(2 * branches)
    exported, first = read(found[EXPORT], 0)
    names = (str(number).encode() for number in more)
    exports = (
        unsigned(len(name)) + name + b"\x03" + unsigned(own + n) for n, name in enumerate(names)
    )
    zeros = b"\x7e\x01\x42\x00\x0b" * len(more)
    changed = {
        GLOBAL: unsigned(own + len(more)) + found[GLOBAL][behind:] + zeros,
        EXPORT: unsigned(exported + len(more)) + found[EXPORT][first:] + b"".join(exports),
        CODE: unsigned(len(codes)) + b"".join(unsigned(len(code)) + code for code in codes),
    }
    parts = [(n, changed.get(n, content)) for n, content in sections(module) if n != CUSTOM]
    return joined(module, parts)


def letter(taken, met):
    if met == 0 or 0 < taken < met:
        return BOTH
    return ALWAYS if taken else NEVER


def learn(module, counts):
    """The ways of each function in which a branch always went one way, by its digest.
    Functions of the same instructions have the same ways."""
    ways, at = collections.defaultdict(list), iter(counts)
    for function in functions(module):
        found = [(next(at), next(at)) for _ in function.branches]
        if any(met for _, met in found):
            ways[function.digest].append(found)
    for digest, alike in sorted(ways.items()):
        letters = "".join(letter(*map(sum, zip(*branch))) for branch in zip(*alike))
        if letters.strip(BOTH):
            yield f"{digest} {letters}\n"


def apply(module, ways):
    """The module with hints, and the part of the functions in `ways` that it has."""
    ways = dict(line.split() for line in ways if not line.startswith("#"))
    found = dict(sections(module))
    imported = len(entries(found[IMPORT], kind_of_import))
    hinted, used = [], set()
    for number, function in enumerate(functions(module), imported):
        letters = ways.get(function.digest, "")
        if not letters or len(letters) != len(function.branches):
            continue
        used.add(function.digest)
        hints = [
            unsigned(at) + b"\x01" + bytes([way == ALWAYS])
            for at, way in zip(function.branches, letters)
            if way != BOTH
        ]
        hinted.append(unsigned(number) + unsigned(len(hints)) + b"".join(hints))
    section = unsigned(len(SECTION)) + SECTION + unsigned(len(hinted)) + b"".join(hinted)
    parts = []
    for number, content in sections(module):
        if number == CODE:
            parts.append((CUSTOM, section))
        if number != CUSTOM:
            parts.append((number, content))
    return joined(module, parts), len(used) / max(len(ways), 1)


def main(command, path, *more):
    with open(path, "rb") as file:
        module = file.read()
    if command == "count":
        out, result = more[0], count(module)
    elif command == "learn":
        with open(more[0], encoding="ascii") as file:
            sys.stdout.writelines(learn(module, json.load(file)))
        return
    else:
        with open(more[0], encoding="ascii") as file:
            result, part = apply(module, file)
        out = more[1]
        if part < WORTH:
            print(f"hints: only {part:.0%} of {more[0]} fit; scripts/branches learns them", file=sys.stderr)
    with open(out, "wb") as file:
        file.write(result)


if __name__ == "__main__":
    main(*sys.argv[1:])
