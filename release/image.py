"""image.py MODULE ARCHIVE: writes the image that the Dockerfile describes, as an
archive in the OCI image layout. It takes no Docker, and the same module gives
the same archive.

Istio and Envoy Gateway take `plugin.wasm` out of the last layer of an image. An
index with a manifest for each platform would make them choose by the platform
of the controller, so there is one manifest.
"""

import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
from pathlib import Path

DOCKERFILE = Path(__file__).resolve().parent.parent / "Dockerfile"
CREATED = "1970-01-01T00:00:00Z"

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def labels():
    return dict(re.findall(r'^LABEL (\S+)="(.*)"$', DOCKERFILE.read_text(), re.MULTILINE))


class Archive:
    """The files of the layout, by name."""

    def __init__(self):
        self.files = {"oci-layout": encoded({"imageLayoutVersion": "1.0.0"})}

    def blob(self, media_type, data):
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        blob = {"mediaType": media_type, "digest": digest, "size": len(data)}
        self.files[path(blob)] = data
        return blob


def image(module):
    archive = Archive()
    texts = labels()
    tag = f"{texts['org.opencontainers.image.title']}:{texts['org.opencontainers.image.version']}"
    layer = tar({"plugin.wasm": module})
    # No name and no time in the gzip header.
    layer_blob = archive.blob(LAYER, gzip.compress(layer, compresslevel=9, mtime=0))
    config = {
        "created": CREATED,
        # A module runs on any; without these, tools refuse the image.
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": texts},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created": CREATED, "created_by": "COPY plugin.wasm /plugin.wasm"}],
    }
    config_blob = archive.blob(CONFIG, encoded(config))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config_blob,
        "layers": [layer_blob],
        "annotations": texts,
    }
    entry = archive.blob(MANIFEST, encoded(manifest))
    entry["annotations"] = {
        "org.opencontainers.image.ref.name": texts["org.opencontainers.image.version"],
        "io.containerd.image.name": f"docker.io/library/{tag}",
    }
    archive.files["index.json"] = encoded({"schemaVersion": 2, "manifests": [entry]})
    # What `docker load` reads where Docker keeps images in its own store.
    for_docker = {"Config": path(config_blob), "RepoTags": [tag], "Layers": [path(layer_blob)]}
    archive.files["manifest.json"] = encoded([for_docker])
    return tar(archive.files)


def path(blob):
    return "blobs/" + blob["digest"].replace(":", "/")


def tar(files):
    """Owned by root and without a time, so that only names and bytes count."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def encoded(value):
    return json.dumps(value, separators=(",", ":")).encode()


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(image(Path(sys.argv[1]).read_bytes()))
