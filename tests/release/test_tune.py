"""What is learned from calls: the hints, the calls through the table, the profiles; and
that nothing of it changes what the module does."""

import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from published import FILES, ROOT

TUNE = ROOT / "release" / "tune"
sys.path.insert(0, str(TUNE))
import hints  # noqa: E402
import tune  # noqa: E402
import wasm  # noqa: E402

WAYS = TUNE / "ways.txt"
HEAD = b"\0asm\1\0\0\0"

# (func (param i32) (result i32)
#   (if (local.get 0) (then))
#   (block (br_if 0 (i32.const 0)))
#   (i32.const 300))
BRANCHES = bytes.fromhex("00 2000 0440 0b 0240 4100 0d00 0b 41ac02 0b")
# (func (param i32) (result i32) (local.get 0) (call ...)...): of the import, of this
# function, of the next one, and of the one after that, which is small.
CALLS = bytes.fromhex("00 2000 1000 1002 1003 1004 0b")
LONG = bytes.fromhex("00 2000") + b"\x01" * 40 + b"\x0b"
SMALL = bytes.fromhex("00 2000 0b")
# The one above, and another one that takes and gives nothing.
TYPES = (wasm.TYPE, bytes.fromhex("02 60 017f 017f 60 00 00"))
IMPORTS = (wasm.IMPORT, b"\x01\x01m\x01f\x00\x00")
GLOBALS = (wasm.GLOBAL, b"\x01\x7f\x01\x41\x00\x0b")
EXPORTS = (wasm.EXPORT, b"\x01\x01f\x00\x01")


def module(*codes, elements=(1,), kinds=None):
    """A module of these functions, of these types, some of which are in its table."""
    run = bytes(elements)
    parts = [
        TYPES,
        IMPORTS,
        (wasm.FUNCTION, bytes([len(codes)]) + (kinds or bytes(len(codes)))),
        (wasm.TABLE, bytes([1, 0x70, 1, 1 + len(run), 1 + len(run)])),
        GLOBALS,
        EXPORTS,
        (wasm.ELEMENT, b"\x01\x00\x41\x01\x0b" + bytes([len(run)]) + run),
        (wasm.CODE, wasm.code_section(codes)),
    ]
    return HEAD + b"".join(bytes([number]) + wasm.unsigned(len(part)) + part for number, part in parts)


def found(data):
    return dict(wasm.sections(data))


def table(module):
    """The functions in the table, from its second place on."""
    content = module.found[wasm.ELEMENT]
    return wasm.entries(content[content.index(wasm.END) + 1 :], wasm.read)


def moved(module):
    """The functions that are called through the table at a place that is written there.
    Fails if one is of another type than the call."""
    run, called = table(module), []
    for function in module.functions:
        code, at, place = function.code, function.start, None
        while at < len(code):
            if code[at] == wasm.CALL_INDIRECT and place is not None:
                kind, _ = wasm.read(code, at + 1)
                assert module.types[run[place - 1]] == kind, f"a call at {at} of another type"
                called.append(run[place - 1])
            place = wasm.read(code, at + 1)[0] if code[at] == wasm.CONST else None
            # Numbers are signed: one whose last byte says so is below zero.
            if place is not None and code[wasm.after(code, at) - 1] & 0x40:
                place = None
            at = wasm.after(code, at)
    return called


class Branches(unittest.TestCase):
    one = module(BRANCHES)

    def learned(self, allowed, others=None):
        counts = {"allowed": allowed, "others": others or [0] * len(allowed), "messages": 1}
        return list(tune.learn(self.one, counts))

    def test_a_branch_that_went_one_way_is_hinted_at_its_place(self):
        ways = self.learned([7, 7, 0, 7])
        self.assertEqual([line.split()[1] for line in ways], ["an"])
        hinted, part = tune.apply(self.one, ways)
        self.assertEqual(part, 1)
        section = b"\x19metadata.code.branch_hint" + bytes.fromhex("01 01 02 03 01 01 0a 01 00")
        expected = list(wasm.sections(self.one))
        expected.insert(-1, (wasm.CUSTOM, section))
        self.assertEqual(list(wasm.sections(hinted)), expected)
        # The line that names the Rust is none of a function.
        self.assertEqual(tune.apply(self.one, ["# rustc 1.95.0\n", *ways]), (hinted, 1))
        # Hints of hints, and those of a function that is another one now.
        self.assertEqual(tune.apply(hinted, ways)[0], hinted)
        other = self.one[:-4] + b"\x42\x00\x1a\x0b"
        self.assertEqual(tune.apply(other, ways)[1], 0)

    def test_one_that_went_both_ways_or_was_never_met_is_not(self):
        self.assertEqual(self.learned([3, 7, 0, 0]), [])
        self.assertEqual([line.split()[1] for line in self.learned([0, 7, 0, 0])], ["n-"])
        # Hints are of calls that are allowed.
        self.assertEqual(self.learned([0, 0, 0, 0], [7, 7, 0, 7]), [])

    def test_the_module_that_counts_has_two_globals_for_each_branch(self):
        counting = tune.count(self.one)
        self.assertEqual(found(counting)[wasm.GLOBAL][0], 5)
        self.assertEqual(found(counting)[wasm.EXPORT][0], 5)
        [function] = wasm.Module(counting).functions
        self.assertEqual((function.count, len(function.branches)), (1, 2))


class Calls(unittest.TestCase):
    four = module(BRANCHES, CALLS, LONG, SMALL)
    # Of the branches of the first, then of the calls of the second.
    nothing = [0] * 4 + [0] * 4

    def learned(self, allowed, others, messages=1):
        return list(tune.learn(self.four, {"allowed": allowed, "others": others, "messages": messages}))

    def test_one_that_is_made_stays_and_one_that_is_not_goes_through_the_table(self):
        ways = self.learned([7, 7, 0, 7, 1, 0, 0, 0], self.nothing)
        tuned, _ = tune.apply(self.four, ways)
        [_, calls, long, small] = wasm.Module(tuned).functions
        # Those of the import and of what is small stay too.
        itself, next_one = b"\x41\x02\x11\x00\x00", b"\x41\x03\x11\x00\x00"
        self.assertEqual(calls.code, b"\x00\x20\x00\x10\x00" + itself + next_one + b"\x10\x04\x0b")
        self.assertEqual((long.code, small.code), (LONG, SMALL))
        # Each is in the table once, behind what was there.
        self.assertEqual(found(tuned)[wasm.ELEMENT], b"\x01\x00\x41\x01\x0b\x03\x01\x02\x03")
        self.assertEqual(found(tuned)[wasm.TABLE], b"\x01\x70\x01\x04\x04")
        made = self.learned([7, 7, 0, 7, 1, 0, 1, 0], self.nothing)
        [_, calls, _, _] = wasm.Module(tune.apply(self.four, made)[0]).functions
        self.assertEqual(calls.code, b"\x00\x20\x00\x10\x00" + itself + b"\x10\x03\x10\x04\x0b")

    def test_one_that_other_messages_make_in_a_loop_is_made(self):
        often = [0] * 7 + [10 * tune.OFTEN]
        self.assertEqual(self.learned(self.nothing, often, messages=10), [])
        [line] = self.learned(self.nothing, often, messages=9)
        self.assertEqual(line.split()[1:], ["-", "---m"])

    def test_they_stay_where_too_few_functions_are_known(self):
        [of_calls] = self.learned([0] * 7 + [1], self.nothing)
        unknown = [f"{number:016x} - m\n" for number in range(3)]
        for ways in (unknown, [*unknown, of_calls]):
            tuned, part = tune.apply(self.four, ways)
            self.assertLess(part, tune.WORTH)
            self.assertEqual(found(tuned)[wasm.CODE], found(self.four)[wasm.CODE])
            self.assertEqual(found(tuned)[wasm.TABLE], found(self.four)[wasm.TABLE])

    def test_each_is_of_the_type_and_the_place_of_what_is_called(self):
        # The last one calls all others, of which every second one takes nothing.
        kinds = bytes([0, 1] * 40 + [0])
        calls = b"".join(b"\x20\x00\x10" + wasm.unsigned(1 + n) if kinds[n] == 0 else b"\x10" + wasm.unsigned(1 + n) for n in range(80))
        # What is called leaves numbers on the stack, but nobody executes this.
        nothing = b"\x00" + b"\x01" * 40 + b"\x0b"
        codes = [LONG if kind == 0 else nothing for kind in kinds[:-1]] + [b"\x00" + calls + b"\x0b"]
        data = module(*codes, elements=(7, 7, 3), kinds=kinds)
        tuned, _ = tune.apply(data, [f"{wasm.Module(data).functions[0].digest} - -\n"])
        after = wasm.Module(tuned)
        self.assertEqual(moved(after), list(range(1, 81)))
        # Those that were there keep their places.
        self.assertEqual(table(after)[:3], [7, 7, 3])
        self.assertEqual(len(set(table(after))), 80)

    def test_a_place_in_the_table_is_a_number_that_is_not_negative(self):
        for number in (0, 63, 64, 127, 128, 8191, 8192, 1_000_000):
            encoded = wasm.signed(number)
            value = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(encoded))
            self.assertEqual(value, number)
            self.assertFalse(encoded[-1] & 0x40, "its sign")
            self.assertEqual([byte >> 7 for byte in encoded], [1] * (len(encoded) - 1) + [0])

    def test_another_table_than_linkers_write_is_an_error(self):
        for wrong in ("02 00 41 01 0b 01 01", "01 00 41 02 0b 01 01", "01 00 23 01 0b 01 01", "01 01 41 01 0b 01 01"):
            wrong = bytes.fromhex(wrong)
            data = self.four.replace(b"\x01\x00\x41\x01\x0b\x01\x01", wrong)
            ways = self.learned([7, 7, 0, 7, 1, 0, 0, 0], self.nothing)
            with self.assertRaises(ValueError):
                tune.apply(data, ways)

    def test_the_module_that_counts_has_a_global_for_each_call(self):
        counting = tune.count(self.four)
        self.assertEqual(found(counting)[wasm.GLOBAL][0], 1 + 4 + 4)
        [_, calls, _, _] = wasm.Module(counting).functions
        self.assertEqual(len(calls.calls), 4)

    def test_what_is_counted_is_what_is_executed(self):
        # Calls the first one with 0, takes a branch that is not taken, and calls it with
        # 5, which a local of its own has.
        both = bytes.fromhex("01 01 7f 4105 2101 4100 1001 1a 4100 0440 0b 2001 1001 0b")
        data = module(BRANCHES, both)
        data = data.replace(b"\x01\x01f\x00\x01", b"\x01\x01f\x00\x02")
        run = """
            const module = new WebAssembly.Module(require("fs").readFileSync(0));
            const exports = new WebAssembly.Instance(module, { m: { f: (n) => n } }).exports;
            exports.f(1);
            console.log(JSON.stringify([0, 1, 2, 3, 4, 5, 6, 7].map((n) => Number(exports[n].value))));
        """
        node = subprocess.check_output(["scripts/node-path"], cwd=ROOT, text=True).strip()
        counted = subprocess.check_output([node, "-e", run], input=tune.count(data))
        self.assertEqual(json.loads(counted), [1, 2, 0, 2, 0, 1, 1, 1])


class Instructions(unittest.TestCase):
    def test_each_ends_where_the_next_one_begins(self):
        for instruction in (
            "0e 02 00 01 00",
            "11 80 01 00",
            "1c 01 7f",
            "28 02 80 01",
            "41 ff 7f",
            "42 80 80 01",
            "43 00 00 80 3f",
            "44 00 00 00 00 00 00 f0 3f",
            "d0 70",
            "fc 00",
            "fc 0a 00 00",
            "fc 0b 00",
            "fd 00 04 10",
            "fd 0c" + "11" * 16,
            "fd 0d" + "10" * 16,
            "fd 15 10",
            "fd 54 00 10 0b",
            "fd 5c 02 10",
            "fd 5d 03 10",
            "fd ae 01",
        ):
            code = bytes.fromhex(instruction)
            self.assertEqual(wasm.after(code + b"\x10", 0), len(code), instruction)

    def test_one_that_is_not_known_is_an_error(self):
        # A call in place of a return, exceptions, references with a type, atomics.
        for code in ("12 10", "14 10", "06 40", "1f 40 00", "fb 00 00", "fe 00 00", "fc 20", "fd 94 02"):
            with self.assertRaises(ValueError, msg=code):
                wasm.after(bytes.fromhex(code), 0)

    def test_a_function_ends_with_its_end(self):
        for code in ("00 20", "00 20 00", "00 41 80 0b"):
            with self.assertRaises((ValueError, IndexError), msg=code):
                wasm.Function(bytes.fromhex(code))


class Profiles(unittest.TestCase):
    def test_what_was_counted_is_written_as_llvm_reads_it(self):
        called = [b"one", b"two"]
        names = wasm.unsigned(7) + b"\0" + b"\1".join(called) + b"\0\0"
        counters = struct.pack("<3Q", 5, 6, 7)
        # A record of 48 bytes each; counters are named by how far off they are.
        records = b""
        for number, (name, first, count) in enumerate([(b"one", 0, 1), (b"two", 1, 2)]):
            place = 1000 + 8 * first - (5000 + 48 * number)
            digest = hashlib.md5(name).digest()[:8]
            records += struct.pack("<8sQi12xI12x", digest, 40 + number, place, count)
        with tempfile.TemporaryDirectory() as folder:
            counts = Path(folder, "allowed")
            places = json.dumps({"cnts": 1000, "data": 5000, "names": 9000}).encode()
            for part, content in (("cnts", counters), ("data", records), ("names", names), ("places", places)):
                counts.with_suffix(f".{part}").write_bytes(content)
            command = [sys.executable, "-B", TUNE / "counted.py", counts]
            written = subprocess.check_output(command, text=True)
        self.assertEqual(written.split("\n"), [":ir", "one", "40", "1", "5", "", "two", "41", "2", "6", "7", "", ""])

    def flags(self, shell, rust):
        """What rustc is given, where it says this of itself."""
        with tempfile.TemporaryDirectory() as folder:
            rustc = Path(folder, "rustc")
            rustc.write_text(f"#!/bin/sh\nprintf '{rust}'\n")
            rustc.chmod(0o755)
            command = f". scripts/lib.sh && . scripts/profile.sh && profile_flags {shell}"
            environment = {**os.environ, "RUSTC": str(rustc), "PWD": str(ROOT)}
            return subprocess.check_output(["bash", "-c", command], cwd=ROOT, env=environment, text=True)

    def test_a_profile_is_used_by_the_rust_that_it_is_of_and_by_no_other(self):
        rust, llvm = WAYS.read_text().split("\n")[0].removeprefix("# rustc ").split(", LLVM ")
        for shell in ("wasm", "native"):
            used = self.flags(shell, f"release: {rust}\\nLLVM version: {llvm}\\n")
            self.assertIn(f"-Cprofile-use={ROOT}/release/tune/{shell}.profdata'''", used)
            for other in (f"release: 1.0.0\\nLLVM version: {llvm}\\n", f"release: {rust}\\nLLVM version: 1.0\\n", ""):
                self.assertEqual(self.flags(shell, other), "")

    def test_there_is_one_of_each_shell_in_llvms_format(self):
        for shell in ("wasm", "native"):
            self.assertEqual((TUNE / f"{shell}.profdata").read_bytes()[:8], b"\xfflprofi\x81")


class Names(unittest.TestCase):
    def given(self, arguments, **package):
        """What rustc gets of these arguments."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_PKG_")}
        command = [ROOT / "scripts" / "rustc-anywhere", "printf", "%s\n", *arguments]
        written = subprocess.check_output(command, env={**environment, **package}, text=True)
        return written.splitlines()

    def test_a_package_is_known_by_its_name_and_version(self):
        arguments = ["--crate-name", "a b", "-C", "metadata=1f2e", "-C", "extra-filename=-1f2e"]
        package = {"CARGO_PKG_NAME": "wide", "CARGO_PKG_VERSION": "1.2.3"}
        named = ["--crate-name", "a b", "-C", "metadata=wide-1.2.3", "-C", "extra-filename=-1f2e"]
        self.assertEqual(self.given(arguments, **package), named)
        # As cargo asks for the version.
        self.assertEqual(self.given(["-vV"]), ["-vV"])
        self.assertEqual(self.given(arguments), arguments)
        # What the standard library has for itself is another one.
        arguments = ["-Cmetadata", "metadata=1f2e", "-Z", "force-unstable-if-unmarked"]
        self.assertEqual(self.given(arguments, **package)[1], "metadata=std-wide-1.2.3")


class Published(unittest.TestCase):
    def setUp(self):
        self.data = (FILES / "mcp_policy_filter.wasm").read_bytes()
        self.module = wasm.Module(self.data)
        section = self.module.found[wasm.CUSTOM]
        name, at = wasm.body(section, 0)
        self.assertEqual(name, hints.SECTION)
        self.section = section
        self.hinted, self.at = wasm.read(section, at)

    def test_the_module_has_hints_at_its_branches_alone(self):
        section, at, last = self.section, self.at, 0
        for _ in range(self.hinted):
            number, at = wasm.read(section, at)
            self.assertGreater(number, last)
            last = number
            count, at = wasm.read(section, at)
            for _ in range(count):
                place, at = wasm.read(section, at)
                self.assertIn(place, self.module.functions[number - self.module.imported].branches)
                self.assertEqual(section[at], 1)
                self.assertIn(section[at + 1], (0, 1))
                at += 2
        self.assertEqual(at, len(section))

    def test_what_was_learned_is_of_this_module(self):
        command = ". scripts/wasm-toolchain.sh && . scripts/profile.sh && use_wasm_toolchain wasm32-wasip1 && profile_rust"
        rust = subprocess.check_output(["bash", "-c", command], cwd=ROOT, text=True).strip()
        lines = WAYS.read_text().splitlines()
        if f"# {rust}" != lines[0]:
            self.skipTest(f"what was learned is of {lines[0][2:]}, and this module of {rust}")
        branches = [line.split()[1] for line in lines[1:]]
        known = sum(any(way != hints.BOTH for way in ways) for ways in branches)
        self.assertGreater(self.hinted, tune.WORTH * known, "scripts/tune learns them anew")
        direct = sum(len(function.calls) for function in self.module.functions)
        # They are the most of all calls, and of the right types.
        self.assertGreater(len(moved(self.module)), 2 * direct)


if __name__ == "__main__":
    unittest.main()
