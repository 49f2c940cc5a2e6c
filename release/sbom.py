"""sbom.py MODULE: prints what the module is made of, as CycloneDX in JSON.

Nothing in it says when or where it was made: the same module has the same file.
"""

import hashlib
import json
import sys
import uuid
from pathlib import Path

import crates


def document(module):
    found = crates.compiled()
    digest = hashlib.sha256(module).hexdigest()
    rustc = crates.rustc()
    [package] = [crate for crate in found.values() if crate.name == crates.PACKAGE]
    others = [crate for key, crate in sorted(found.items()) if crate is not package]
    std = standard_library(rustc)
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
                "description": f"the WebAssembly module mcp_policy_filter.wasm, for {crates.TARGET}",
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "licenses": [{"expression": package.licence}],
            },
        },
        "components": [component(crate) for crate in others] + [std],
        "dependencies": [
            {
                "ref": reference(crate),
                "dependsOn": sorted(reference(found[key]) for key in crate.uses)
                + [std["bom-ref"]] * (crate is package),
            }
            for crate in [package, *others]
        ],
    }


def reference(crate):
    if crate.name == crates.PACKAGE:
        return crate.name
    return f"pkg:cargo/{crate.name}@{crate.version}"


def component(crate):
    return {
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


def standard_library(rustc):
    return {
        "type": "library",
        "bom-ref": "rust-std",
        "name": "rust-std",
        "version": rustc["release"],
        "description": "Rust's standard library, with the parts of wasi-libc that it brings",
        "scope": "required",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "properties": [
            {"name": "rustc:commit-hash", "value": rustc["commit-hash"]},
            {"name": "rustc:target", "value": crates.TARGET},
        ],
    }


if __name__ == "__main__":
    json.dump(document(Path(sys.argv[1]).read_bytes()), sys.stdout, indent=2)
    print()
