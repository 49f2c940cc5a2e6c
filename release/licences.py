"""licences.py MODULE: prints the licence texts of what is in the module, which
whoever passes the module on has to pass on too. A text is there once, under the
names of all that have it.
"""

import re
import sys

import crates
import linked

# Packages name these files in many ways, all of which start like this.
TEXT = re.compile(r"(licen[cs]e|copying|notice|unlicense|copyright)([-._].*)?", re.IGNORECASE)


def document(module):
    holders = {}
    names = []
    for crate in sorted(crates.compiled().values(), key=lambda crate: crate.key):
        if not crate.in_module or crate.name in crates.OURS:
            continue
        names.append(f"{crate.name} {crate.version}: {crate.licence}")
        files = sorted(file for file in crate.folder.iterdir() if TEXT.fullmatch(file.name))
        if not files:
            sys.exit(f"release: the package {crate.name} {crate.version} has no licence text")
        for file in files:
            holders.setdefault(plain(file), []).append(f"{crate.name} {crate.version}")
    for part in linked.parts():
        names.append(f"{part.name} {part.version}: {part.licence}")
        holders.setdefault(plain(part.text), []).append(f"{part.name} {part.version}")
    names.append(f"rust-std {crates.rustc()['release']}: MIT OR Apache-2.0")
    parts = [f"What {module} is made of besides its own code:\n", *names]
    for text, who in holders.items():
        parts += ["\n" + "=" * 80, *who, "=" * 80 + "\n", text]
    return "\n".join(parts)


def plain(file):
    return "\n".join(line.rstrip() for line in file.read_text().strip().splitlines())


if __name__ == "__main__":
    print(document(sys.argv[1]))
