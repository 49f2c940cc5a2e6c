"""notes.py CHANGELOG VERSION [dated]: prints the section of a version, for the page of its
release. With `dated` it fails where the section has no date yet. A link to a page of the
repository leads nowhere from there, so the page is named instead.
"""

import re
import sys
from pathlib import Path


def notes(changelog, version, dated=False):
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    date = r" - \d{4}-\d{2}-\d{2}\n" if dated else r"[ \n]"
    [section] = [text for text in sections if re.match(rf"\[?{re.escape(version)}\]?{date}", text)]
    return named(section.split("\n", 1)[1].strip()) + "\n"


def named(text):
    """The text with the names of pages in the place of links to them."""

    def name(link):
        words, page = link.group(1), link.group(2)
        return f"{words} (`{page.split('#')[0]}`)"

    return re.sub(r"\[([^\]]+)\]\((?!https?://)([^)#\s][^)\s]*)\)", name, text)


if __name__ == "__main__":
    file, version, *words = sys.argv[1:]
    try:
        sys.stdout.write(notes(Path(file).read_text(), version, dated=words == ["dated"]))
    except ValueError:
        sys.exit(f"notes: {file} has not one such section for {version}")
