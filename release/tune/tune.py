"""Tunes the module to its traffic, behind the linker: what calls take is laid out for
V8 to execute, and all the rest for V8 to compile.

    tune.py count MODULE COUNTING   writes a module that counts its branches and calls
    tune.py learn MODULE COUNTS     prints what traffic took of each function
    tune.py apply MODULE WAYS OUT   writes the tuned module

`release/tune/ways.txt` has a line for each function that traffic took: a digest of its
instructions, a letter for each of its branches (hints.py), and one for each of its calls
(table.py). A function that has changed is one that no traffic took, until scripts/tune
learns anew. Another Rust writes other instructions for most functions; the first line
names the Rust of that module, which scripts/profile.sh compares.
"""

import collections
import json
import sys

import hints
import table
from wasm import CODE, CUSTOM, EXPORT, GLOBAL, TYPE, Module, code_section, entries, parameters, read, unsigned

# Below this part of the functions, the ways have to be learned anew: calls stay as
# they are, since those that are made cannot be told from the others.
WORTH = 0.9
NOT_MADE = "-"
# A call that other messages make more often than this, on average, is in a loop.
OFTEN = 10

Ways = collections.namedtuple("Ways", "branches calls")


def count(data):
    """The module that counts, in globals that are exported by their numbers: of each
    function, for each branch how often it was taken and how often met, then for each
    call how often it was made."""
    module = Module(data)
    types = entries(module.found[TYPE], parameters)
    own, behind = read(module.found[GLOBAL], 0)
    codes, more = [], 0
    for function, kind in zip(module.functions, module.types[module.imported :]):
        codes.append(counting(function, types[kind] + function.count, own + more))
        more += 2 * len(function.branches) + len(function.calls)
    exported, first = read(module.found[EXPORT], 0)
    names = (str(number).encode() for number in range(more))
    exports = (unsigned(len(name)) + name + b"\x03" + unsigned(own + n) for n, name in enumerate(names))
    zeros = b"\x7e\x01\x42\x00\x0b" * more
    return module.with_sections({
        GLOBAL: unsigned(own + more) + module.found[GLOBAL][behind:] + zeros,
        EXPORT: unsigned(exported + more) + module.found[EXPORT][first:] + b"".join(exports),
        CODE: code_section(codes),
    })


def counting(function, local, first):
    """The same code, which counts in the globals from the first on. The local is a new
    one, for the condition of a branch."""
    local = unsigned(local)
    places = [(0, function.locals, unsigned(function.groups + 1)), (function.start, function.start, b"\x01\x7f")]
    for number, branch in enumerate(function.branches):
        taken, met = unsigned(first + 2 * number), unsigned(first + 2 * number + 1)
        code = b"\x22" + local + b"\x41\x00\x47\xad" + b"\x23" + taken + b"\x7c\x24" + taken
        places.append((branch, branch, code + one_more(met) + b"\x20" + local))
    for number, call in enumerate(function.calls, first + 2 * len(function.branches)):
        places.append((call, call, one_more(unsigned(number))))
    return function.changed(sorted(places))


def one_more(number):
    return b"\x23" + number + b"\x42\x01\x7c\x24" + number


def learn(data, counts):
    """The ways of each function in which a branch always went one way where calls were
    allowed, or which made a call there, or often elsewhere. Functions of the same
    instructions have the same ways."""
    allowed, others = iter(counts["allowed"]), iter(counts["others"])
    often = OFTEN * counts["messages"]
    branches, calls = collections.defaultdict(list), collections.defaultdict(list)
    for function in Module(data).functions:
        branches[function.digest].append([(next(allowed), next(allowed)) for _ in function.branches])
        for _ in function.branches * 2:
            next(others)
        made = [(next(allowed), next(others)) for _ in function.calls]
        calls[function.digest].append([bool(here) or there > often for here, there in made])
    for digest, alike in sorted(branches.items()):
        ways = "".join(hints.letter(*map(sum, zip(*branch))) for branch in zip(*alike))
        made = "".join(table.MADE if any(same) else NOT_MADE for same in zip(*calls[digest]))
        if ways.strip(hints.BOTH) or made.strip(NOT_MADE):
            yield f"{digest} {ways or hints.BOTH} {made or NOT_MADE}\n"


def apply(data, lines):
    """The tuned module, and the part of the functions in `lines` that it has."""
    known = {digest: Ways(*ways) for digest, *ways in (line.split() for line in lines if line[0] != "#")}
    module = Module(data)
    fit = {function.digest for function in module.functions} & set(known)
    # Before anything is learned, nothing lacks.
    part = len(fit) / len(known) if known else 1
    nothing = Ways("", "")
    branches = [known.get(function.digest, nothing).branches for function in module.functions]
    changed = {}
    if known and part >= WORTH:
        changed = table.apply(module, {digest: ways.calls for digest, ways in known.items()})
    moved = Module(module.with_sections(changed))
    return moved.with_sections({}, [(CUSTOM, hints.section(moved, branches))]), part


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
            why = "it is of another Rust, or of older code; calls stay as they are"
            print(f"tune: {part:.0%} of {more[0]} fit: {why}", file=sys.stderr)
    with open(out, "wb") as file:
        file.write(result)


if __name__ == "__main__":
    main(*sys.argv[1:])
