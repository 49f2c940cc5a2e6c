"""The image, read back as those do who pull it."""

import gzip
import hashlib
import io
import json
import re
import tarfile
import unittest

import fetcher
from published import FILES, MACHINES, ROOT, module, native_module, package_version

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


@unittest.skipUnless(MACHINES, "the native module was not compiled here")
class TheNativeImage(unittest.TestCase):
    def setUp(self):
        with tarfile.open(FILES / "mcp-policy-filter-native.tar") as archive:
            self.files = {member.name: archive.extractfile(member).read() for member in archive}
        [entry] = json.loads(self.files["index.json"])["manifests"]
        self.assertEqual(entry["mediaType"], "application/vnd.oci.image.index.v1+json")
        self.index = self.read(entry)

    def blob(self, descriptor):
        data = self.files["blobs/" + descriptor["digest"].replace(":", "/")]
        return fetcher.verified(descriptor, data)

    def read(self, descriptor):
        return json.loads(self.blob(descriptor))

    def test_it_has_the_module_for_each_machine_and_no_other(self):
        platforms = {"x86_64": "amd64", "aarch64": "arm64"}
        found = {}
        for entry in self.index["manifests"]:
            manifest = self.read(entry)
            config = self.read(manifest["config"])
            self.assertEqual(entry["platform"], {k: config[k] for k in ["architecture", "os"]})
            [layer] = manifest["layers"]
            unpacked = gzip.decompress(self.blob(layer))
            digest = "sha256:" + hashlib.sha256(unpacked).hexdigest()
            self.assertEqual(config["rootfs"], {"type": "layers", "diff_ids": [digest]})
            with tarfile.open(fileobj=io.BytesIO(unpacked)) as archive:
                [file] = archive
                found[config["architecture"]] = archive.extractfile(file).read()
            self.assertEqual((file.name, file.uid, file.mode), ("libmcp_policy_filter.so", 0, 0o644))
        expected = {platforms[one]: native_module(one).read_bytes() for one in MACHINES}
        self.assertEqual(found, expected)

    def test_its_labels_are_those_of_its_dockerfile_and_of_the_package(self):
        labels = self.index["annotations"]
        self.assertEqual(labels["org.opencontainers.image.version"], package_version())
        dockerfile = (ROOT / "envoy" / "native" / "Dockerfile").read_text()
        for name, text in labels.items():
            self.assertIn(f'\nLABEL {name}="{text}"\n', dockerfile)
        self.assertEqual(len(labels), len(re.findall("^LABEL ", dockerfile, re.MULTILINE)))


if __name__ == "__main__":
    unittest.main()
