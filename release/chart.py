"""chart.py FOLDER ARCHIVE: packs a chart as `helm package` does, except that the same
files give the same archive: owned by root, without times, in the order of their names.
"""

import gzip
import sys
from pathlib import Path

import image


def packed(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    # A list for `helm package`, of no use in the package.
    named = {
        f"{folder.name}/{path.relative_to(folder)}": path.read_bytes()
        for path in files
        if path.name != ".helmignore"
    }
    # Helm reads this one first.
    first = f"{folder.name}/Chart.yaml"
    ordered = {first: named.pop(first), **named}
    return gzip.compress(image.tar(ordered), compresslevel=9, mtime=0)


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(packed(Path(sys.argv[1])))
