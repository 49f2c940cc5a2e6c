"""The chart that is published, as helm reads it."""

import io
import os
import re
import subprocess
import sys
import tarfile
import unittest

from published import FILES, ROOT, package_version

sys.path.insert(0, str(ROOT / "release"))
import chart  # noqa: E402
import notes  # noqa: E402

ARCHIVE = FILES / f"mcp-policy-chart-{package_version()}.tgz"
SOURCE = ROOT / "charts" / "mcp-policy"
DATA = ROOT / "tests" / "data" / "chart"


def helm():
    """The program, or none where it cannot be had."""
    done = subprocess.run([ROOT / "scripts" / "helm"], capture_output=True, text=True)
    return f"{done.stdout.strip()}/helm" if done.returncode == 0 else None


class TheChart(unittest.TestCase):
    def test_it_is_what_is_here_without_times_and_owners(self):
        packed = ARCHIVE.read_bytes()
        self.assertEqual(packed, chart.packed(SOURCE))
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            members = archive.getmembers()
            files = {member.name: archive.extractfile(member).read() for member in members}
        here = {
            f"mcp-policy/{path.relative_to(SOURCE)}": path.read_bytes()
            for path in SOURCE.rglob("*")
            if path.is_file() and path.name != ".helmignore"
        }
        self.assertEqual(files, here)
        self.assertEqual({(m.mtime, m.uid, m.gid, m.mode) for m in members}, {(0, 0, 0, 0o644)})
        self.assertEqual(members[0].name, "mcp-policy/Chart.yaml")

    def test_helm_makes_of_it_what_it_makes_of_the_folder(self):
        program = helm()
        if program is None:
            self.skipTest("there is no helm here")
        cases = sorted(DATA.glob("*.values.yaml"))
        self.assertEqual(len(cases), 5)
        for values in cases:
            made = subprocess.run(
                [program, "template", "mcp-policy", ARCHIVE, "-n", "mcp", "--values", values],
                capture_output=True, text=True, check=True, env={**os.environ, "KUBECONFIG": os.devnull},
            ).stdout  # fmt: skip
            expected = DATA / values.name.replace(".values", "")
            self.assertEqual(made, expected.read_text(), values.name)

    def test_what_is_new_is_the_section_of_the_changelog(self):
        changelog = (ROOT / "CHANGELOG.md").read_text()
        made = notes.notes(changelog, package_version())
        self.assertTrue(made.startswith("### "), made[:80])
        self.assertNotIn("\n## ", made)
        self.assertEqual((FILES / "NOTES.md").read_text(), made)

    def test_what_is_new_names_pages_and_links_to_none_of_them(self):
        # A link of the changelog leads to a page beside it, which is not where a release is.
        changelog = (ROOT / "CHANGELOG.md").read_text()
        made = notes.notes(changelog, package_version())
        for target in re.findall(r"\]\(([^)]*)\)", made):
            self.assertTrue(target.startswith("https://"), target)
        for page in re.findall(r"\(`(docs/[^`]*)`\)", made):
            self.assertTrue((ROOT / page).exists(), page)
        text = "[a page](docs/a.md#b), [a site](https://a.example/b), [here](#there)"
        self.assertEqual(
            notes.named(text), "a page (`docs/a.md`), [a site](https://a.example/b), [here](#there)"
        )


if __name__ == "__main__":
    unittest.main()
