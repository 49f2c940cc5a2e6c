"""Writes an image as an archive in the OCI image layout. It takes no Docker, and the
same module gives the same archive.

    image.py MODULE ARCHIVE                     the module, as the Dockerfile describes it
    image.py native ARCHIVE MACHINE=MODULE...   the native one: envoy/native/Dockerfile

Istio and Envoy Gateway take `plugin.wasm` out of the last layer of an image. An
index with a manifest for each platform would make them choose by the platform
of the controller, so there is one manifest. The native module is mounted by
Kubernetes, which chooses by the platform of the node: of it there is an index.
"""

import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "Dockerfile"
NATIVE_DOCKERFILE = ROOT / "envoy" / "native" / "Dockerfile"
PLATFORMS = {"x86_64": "amd64", "aarch64": "arm64"}
CREATED = "1970-01-01T00:00:00Z"

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def labels(dockerfile=DOCKERFILE):
    return dict(re.findall(r'^LABEL (\S+)="(.*)"$', dockerfile.read_text(), re.MULTILINE))


class Archive:
    """The files of the layout, by name."""

    def __init__(self):
        self.files = {"oci-layout": encoded({"imageLayoutVersion": "1.0.0"})}

    def blob(self, media_type, data):
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        blob = {"mediaType": media_type, "digest": digest, "size": len(data)}
        self.files[path(blob)] = data
        return blob


def add(archive, texts, architecture, name, module):
    """Adds an image of one file in one layer; its manifest, configuration and layer."""
    layer = tar({name: module})
    # No name and no time in the gzip header.
    layer_blob = archive.blob(LAYER, gzip.compress(layer, compresslevel=9, mtime=0))
    config = {
        "created": CREATED,
        "architecture": architecture,
        "os": "linux",
        "config": {"Labels": texts},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created": CREATED, "created_by": f"COPY {name} /{name}"}],
    }
    config_blob = archive.blob(CONFIG, encoded(config))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config_blob,
        "layers": [layer_blob],
        "annotations": texts,
    }
    return archive.blob(MANIFEST, encoded(manifest)), config_blob, layer_blob


def named(entry, texts):
    """An entry with the names by which tools find an image; its tag."""
    tag = f"{texts['org.opencontainers.image.title']}:{texts['org.opencontainers.image.version']}"
    entry["annotations"] = {
        "org.opencontainers.image.ref.name": texts["org.opencontainers.image.version"],
        "io.containerd.image.name": f"docker.io/library/{tag}",
    }
    return tag


def image(module):
    archive = Archive()
    texts = labels()
    # A module runs on any; without a platform, tools refuse the image.
    entry, config_blob, layer_blob = add(archive, texts, "amd64", "plugin.wasm", module)
    tag = named(entry, texts)
    archive.files["index.json"] = encoded({"schemaVersion": 2, "manifests": [entry]})
    # What `docker load` reads where Docker keeps images in its own store.
    for_docker = {"Config": path(config_blob), "RepoTags": [tag], "Layers": [path(layer_blob)]}
    archive.files["manifest.json"] = encoded([for_docker])
    return tar(archive.files)


def native_image(modules):
    """One index, with an image for each machine."""
    archive = Archive()
    texts = labels(NATIVE_DOCKERFILE)
    entries = []
    for machine, module in sorted(modules.items()):
        architecture = PLATFORMS[machine]
        entry, *_ = add(archive, texts, architecture, "libmcp_policy_filter.so", module)
        entries.append({**entry, "platform": {"architecture": architecture, "os": "linux"}})
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries, "annotations": texts}
    entry = archive.blob(INDEX, encoded(index))
    named(entry, texts)
    archive.files["index.json"] = encoded({"schemaVersion": 2, "manifests": [entry]})
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
    kind, file, *pairs = sys.argv[1:]
    if kind == "native":
        paths = dict(pair.split("=", 1) for pair in pairs)
        made = native_image({machine: Path(path).read_bytes() for machine, path in paths.items()})
    else:
        made = image(Path(kind).read_bytes())
    Path(file).write_bytes(made)
