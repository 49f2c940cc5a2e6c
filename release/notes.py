"""notes.py CHANGELOG VERSION: prints the section of a version, for the page of its release."""

import re
import sys
from pathlib import Path


def notes(changelog, version):
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    [section] = [text for text in sections if re.match(rf"\[?{re.escape(version)}\]?[ \n]", text)]
    return section.split("\n", 1)[1].strip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(notes(Path(sys.argv[1]).read_text(), sys.argv[2]))
