"""How Istio and Envoy Gateway get the module out of an image: the algorithm of
`PrepareFetch` in their imagefetcher.go, which are the same but for a bound on
the size. By hand, also for what Docker or a registry makes of an image:

    python3 tests/release/fetcher.py ARCHIVE          (in the OCI image layout)
    python3 tests/release/fetcher.py http://REGISTRY NAME TAG

prints the manifest's media type and the module's size and SHA-256.
"""

import gzip
import hashlib
import io
import json
import sys
import tarfile
import urllib.request
from pathlib import PurePosixPath

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
WASM_LAYER = "application/vnd.module.wasm.content.layer.v1+wasm"


class Archive:
    """An image in an archive in the OCI image layout."""

    def __init__(self, path):
        with tarfile.open(path) as archive:
            files = [member for member in archive if member.isfile()]
            self.files = {file.name: archive.extractfile(file).read() for file in files}
        index = json.loads(self.files["index.json"])
        # A push of several would make an index, and the fetcher choose by platform.
        [entry] = index["manifests"]
        self.manifest = json.loads(self.blob(entry))

    def blob(self, descriptor):
        return verified(descriptor, self.files["blobs/" + descriptor["digest"].replace(":", "/")])


class Registry:
    """An image in a registry without credentials."""

    def __init__(self, url, name, tag):
        self.base = f"{url}/v2/{name}"
        accept = {"Accept": f"{DOCKER_MANIFEST}, {OCI_MANIFEST}"}
        request = urllib.request.Request(f"{self.base}/manifests/{tag}", headers=accept)
        with urllib.request.urlopen(request) as response:
            self.manifest = json.load(response)

    def blob(self, descriptor):
        with urllib.request.urlopen(f"{self.base}/blobs/{descriptor['digest']}") as response:
            return verified(descriptor, response.read())


def verified(descriptor, data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    if (len(data), digest) != (descriptor["size"], descriptor["digest"]):
        raise ValueError(f"a blob of {len(data)} bytes with {digest}, not {descriptor}")
    return data


def fetch(image):
    """The module's bytes, or an error."""
    layers = image.manifest["layers"]
    if image.manifest.get("mediaType") == DOCKER_MANIFEST:
        return from_last_layer(image, layers, DOCKER_LAYER)
    try:
        return from_last_layer(image, layers, OCI_LAYER)
    except ValueError as compat:
        if len(layers) != 2:
            raise
        for layer in layers:
            if layer["mediaType"] == WASM_LAYER:
                return image.blob(layer)
        raise ValueError(f"no layer of type {WASM_LAYER}") from compat


def from_last_layer(image, layers, media_type):
    if not layers:
        raise ValueError("number of layers must be greater than zero")
    if layers[-1]["mediaType"] != media_type:
        raise ValueError(f"invalid media type {layers[-1]['mediaType']} (expect {media_type})")
    layer = gzip.decompress(image.blob(layers[-1]))
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:") as archive:
        for member in archive:
            if PurePosixPath(member.name).name == "plugin.wasm":
                return archive.extractfile(member).read()
    raise ValueError("plugin.wasm not found in the archive")


if __name__ == "__main__":
    found = Registry(*sys.argv[1:]) if len(sys.argv) > 2 else Archive(sys.argv[1])
    module = fetch(found)
    if not module.startswith(b"\0asm"):
        sys.exit("what the image holds is no WebAssembly module")
    print(found.manifest.get("mediaType"), len(module), hashlib.sha256(module).hexdigest())
