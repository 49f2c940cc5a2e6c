"""The hints for V8: which ways a call takes, and nothing that changes the module."""

import re
import subprocess
import sys
import unittest

from published import FILES, ROOT

sys.path.insert(0, str(ROOT / "release"))
import hints  # noqa: E402

MODULE = FILES / "mcp_policy_filter.wasm"
WAYS = ROOT / "release" / "branches.txt"

# (func (param i32) (result i32)
#   (if (local.get 0) (then))
#   (block (br_if 0 (i32.const 0)))
#   (i32.const 300))
CODE = bytes.fromhex("00 2000 0440 0b 0240 4100 0d00 0b 41ac02 0b")
PARTS = [
    (hints.TYPE, bytes.fromhex("01 60 017f 017f")),
    (hints.IMPORT, b"\x01\x01m\x01f\x00\x00"),
    (hints.FUNCTION, b"\x01\x00"),
    (hints.GLOBAL, b"\x01\x7f\x01\x41\x00\x0b"),
    (hints.EXPORT, b"\x01\x01f\x00\x01"),
    (hints.CODE, b"\x01" + bytes([len(CODE)]) + CODE),
]
SMALL = hints.joined(b"\0asm\1\0\0\0", PARTS)


class Hints(unittest.TestCase):
    def test_a_branch_that_went_one_way_is_hinted_at_its_place(self):
        ways = list(hints.learn(SMALL, [7, 7, 0, 7]))
        self.assertEqual([line.split()[1] for line in ways], ["an"])
        hinted, part = hints.apply(SMALL, ways)
        self.assertEqual(part, 1)
        section = b"\x19metadata.code.branch_hint" + bytes.fromhex("01 01 02 03 01 01 0a 01 00")
        expected = [*PARTS[:-1], (hints.CUSTOM, section), PARTS[-1]]
        self.assertEqual(list(hints.sections(hinted)), expected)
        # The line that names the Rust is none of a function.
        self.assertEqual(hints.apply(SMALL, ["# rustc 1.95.0\n", *ways]), (hinted, 1))
        # Hints of hints, and those of a function that is another one now.
        self.assertEqual(hints.apply(hinted, ways)[0], hinted)
        other = SMALL[:-4] + b"\x42\x00\x1a\x0b"
        self.assertEqual(hints.apply(other, ways)[1], 0)

    def test_one_that_went_both_ways_or_was_never_met_is_not(self):
        self.assertEqual(list(hints.learn(SMALL, [3, 7, 0, 0])), [])
        ways = list(hints.learn(SMALL, [0, 7, 0, 0]))
        self.assertEqual([line.split()[1] for line in ways], ["n-"])

    def test_the_module_that_counts_has_two_globals_for_each_branch(self):
        found = dict(hints.sections(hints.count(SMALL)))
        self.assertEqual(found[hints.GLOBAL][0], 5)
        self.assertEqual(found[hints.EXPORT][0], 5)
        [function] = hints.functions(hints.count(SMALL))
        self.assertEqual((function.count, len(function.branches)), (1, 2))

    def test_the_published_module_has_hints_at_its_branches_alone(self):
        module = MODULE.read_bytes()
        content = dict(hints.sections(module))
        imported = len(hints.entries(content[hints.IMPORT], hints.kind_of_import))
        every = hints.functions(module)
        section = content[hints.CUSTOM]
        name, at = hints.body(section, 0)
        self.assertEqual(name, hints.SECTION)
        functions, at = hints.read(section, at)
        last = 0
        for _ in range(functions):
            number, at = hints.read(section, at)
            self.assertGreater(number, last)
            last = number
            count, at = hints.read(section, at)
            for _ in range(count):
                place, at = hints.read(section, at)
                self.assertIn(place, every[number - imported].branches)
                self.assertEqual(section[at], 1)
                self.assertIn(section[at + 1], (0, 1))
                at += 2
        self.assertEqual(at, len(section))

    def test_the_hints_are_those_of_this_module(self):
        ways = WAYS.read_text().splitlines()
        learned = re.fullmatch(r"# rustc (\S+)", ways[0])[1]
        toolchain = ". scripts/wasm-toolchain.sh && wasm_rust"
        rust = subprocess.check_output(["bash", "-c", toolchain], cwd=ROOT, text=True).strip()
        if rust != learned:
            self.skipTest(f"the hints are of Rust {learned}, and this module of {rust}")
        module = MODULE.read_bytes()
        _, part = hints.apply(module, ways)
        self.assertGreater(part, hints.WORTH, "scripts/branches learns them anew")
        section = dict(hints.sections(module))[hints.CUSTOM]
        functions, _ = hints.read(section, hints.body(section, 0)[1])
        self.assertGreater(functions, 100)


if __name__ == "__main__":
    unittest.main()
