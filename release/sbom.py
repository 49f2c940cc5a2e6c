"""sbom.py MODULE: prints what the module is made of, as CycloneDX in JSON.

Nothing in it says when or where it was made: the same module has the same file.
"""

import hashlib
import json
import sys
import uuid
from pathlib import Path

import crates
import linked


def document(path):
    module = path.read_bytes()
    found = crates.compiled()
    digest = hashlib.sha256(module).hexdigest()
    rustc = crates.rustc()
    [package] = [crate for crate in found.values() if crate.name == crates.PACKAGE]
    others = [crate for key, crate in sorted(found.items()) if crate is not package]
    std = standard_library(rustc)
    below = [std, *map(linked_part, linked.parts())]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        # Follows from the module, where a random one would differ each time.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        "version": 1,
        "metadata": {
            "tools": {
                "components": [
                    {"type": "application", "name": "rustc", "version": rustc["release"]},
                ]
            },
            "component": {
                "type": "application",
                "bom-ref": package.name,
                "name": package.name,
                "version": package.version,
                "description": f"the module {path.name}, for {crates.TARGET}",
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "licenses": [{"expression": package.licence}],
            },
        },
        "components": [component(crate) for crate in others] + below,
        "dependencies": [
            {
                "ref": reference(crate),
                "dependsOn": sorted(reference(found[key]) for key in crate.uses)
                + [part["bom-ref"] for part in below if crate is package],
            }
            for crate in [package, *others]
        ],
    }


def reference(crate):
    if crate.name in crates.OURS:
        return crate.name
    return f"pkg:cargo/{crate.name}@{crate.version}"


def component(crate):
    described = {
        "type": "library",
        "bom-ref": reference(crate),
        "name": crate.name,
        "version": crate.version,
        # "excluded": it ran while the module was compiled, and is not in it.
        "scope": "required" if crate.in_module else "excluded",
        "hashes": [{"alg": "SHA-256", "content": crate.checksum}],
        "licenses": [{"expression": crate.licence}],
        "purl": reference(crate),
        "externalReferences": [{"type": "vcs", "url": url} for url in [crate.repository] if url],
    }
    if crate.name in crates.OURS:
        # No registry has it, by whose name and checksum it could be known.
        for key in ["hashes", "purl", "externalReferences"]:
            del described[key]
    return described


def linked_part(part):
    return {
        "type": "library",
        "bom-ref": part.name,
        "name": part.name,
        "version": part.version,
        "scope": "required",
        "licenses": [{"expression": part.licence}],
        "purl": f"pkg:pypi/ziglang@{part.version}",
    }


def standard_library(rustc):
    return {
        "type": "library",
        "bom-ref": "rust-std",
        "name": "rust-std",
        "version": rustc["release"],
        "description": "Rust's standard library"
        + (", with the parts of wasi-libc that it brings" if not crates.NATIVE else ""),
        "scope": "required",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "properties": [
            {"name": "rustc:commit-hash", "value": rustc["commit-hash"]},
            {"name": "rustc:target", "value": crates.TARGET},
        ],
    }


if __name__ == "__main__":
    json.dump(document(Path(sys.argv[1])), sys.stdout, indent=2)
    print()
