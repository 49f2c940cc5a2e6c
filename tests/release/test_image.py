"""The image, read back as those do who pull it."""

import gzip
import hashlib
import io
import json
import re
import tarfile
import unittest

import fetcher
from published import FILES, ROOT, module, package_version

ARCHIVE = FILES / "mcp-policy-filter.tar"


class TheImage(unittest.TestCase):
    def setUp(self):
        self.image = fetcher.Archive(ARCHIVE)

    def test_the_fetchers_find_the_module_in_it(self):
        self.assertEqual(fetcher.fetch(self.image), module())
        self.assertEqual(module()[:8], b"\0asm\1\0\0\0")

    def test_it_is_one_layer_with_one_file(self):
        [layer] = self.image.manifest["layers"]
        self.assertEqual(layer["mediaType"], fetcher.OCI_LAYER)
        unpacked = gzip.decompress(self.image.blob(layer))
        with tarfile.open(fileobj=io.BytesIO(unpacked)) as archive:
            [file] = archive
        self.assertEqual((file.name, file.uid, file.gid, file.mode), ("plugin.wasm", 0, 0, 0o644))
        config = json.loads(self.image.blob(self.image.manifest["config"]))
        digest = "sha256:" + hashlib.sha256(unpacked).hexdigest()
        self.assertEqual(config["rootfs"], {"type": "layers", "diff_ids": [digest]})

    def test_its_labels_are_those_of_the_dockerfile_and_of_the_package(self):
        config = json.loads(self.image.blob(self.image.manifest["config"]))
        labels = config["config"]["Labels"]
        self.assertEqual(labels, self.image.manifest["annotations"])
        self.assertEqual(labels["org.opencontainers.image.version"], package_version())
        dockerfile = (ROOT / "Dockerfile").read_text()
        for name, text in labels.items():
            self.assertIn(f'\nLABEL {name}="{text}"\n', dockerfile)
        self.assertEqual(len(labels), len(re.findall("^LABEL ", dockerfile, re.MULTILINE)))

    def test_docker_finds_the_same_blobs(self):
        [entry] = json.loads(self.image.files["manifest.json"])
        names = [entry["Config"], *entry["Layers"]]
        blobs = [self.image.manifest["config"], *self.image.manifest["layers"]]
        self.assertEqual(len(names), len(blobs))
        for name, blob in zip(names, blobs):
            self.assertEqual(self.image.files[name], self.image.blob(blob))
        self.assertEqual(entry["RepoTags"], [f"mcp-policy-filter:{package_version()}"])


if __name__ == "__main__":
    unittest.main()
