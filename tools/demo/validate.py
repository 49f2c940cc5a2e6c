"""Whether Envoy takes a configuration, and the policy in it.

    validate.py [FILE]    envoy/envoy.yaml unless another is named

POLICY names a policy in JSON to put in the place of the file's own. The status is
that of `envoy --mode validate`. For a bad policy, Envoy writes four lines that say
nothing more after those of the filter: they are left out, and all else is shown.
"""

import os
import re
import subprocess
import sys
import tempfile

import stand
from story import Wrong

# The filter's own words behind those of Envoy.
OWN = re.compile(r"^\[.*?\]\[wasm\].* wasm log [^:]*: mcp-policy-filter: (.*)$")
# Envoy's lines about a plugin that refused its configuration.
CONSEQUENCES = re.compile(
    r"Wasm VM failed Failed to configure base Wasm plugin$"
    r"|Plugin \S* ?failed to load$"
    r"|Plugin configured to fail closed failed to load$"
    r"|error initializing configuration '.*': Unable to create Wasm plugin \S*$"
)


def shown(log):
    """The lines of Envoy's log that say something."""
    lines = log.splitlines()
    refused = any(stand.FAULT in line for line in lines)
    for line in lines:
        own = OWN.match(line)
        if own:
            yield own[1]
        elif not (refused and CONSEQUENCES.search(line)):
            yield line


def main(file):
    envoy = os.environ.get("ENVOY_BIN")
    if not envoy:
        raise Wrong("ENVOY_BIN is not set; `make validate` sets it")
    if not os.path.isfile(file):
        raise Wrong(f"there is no file {file}")
    policy = os.environ.get("POLICY")
    with tempfile.TemporaryDirectory() as directory:
        if policy:
            text = stand.policy_text(policy)
            with open(file, encoding="utf-8") as source:
                lines = stand.with_policy(source.read().splitlines(), text)
            file = os.path.join(directory, os.path.basename(file))
            with open(file, "w", encoding="utf-8") as copy:
                copy.write("\n".join(lines) + "\n")
        command = [envoy, "--mode", "validate", "-c", file, "-l", "warn"]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False,
            encoding="utf-8", errors="replace",
        )
    for line in dict.fromkeys(shown(done.stderr)):
        print(line, file=sys.stderr)
    if done.returncode == 0:
        print(f"{policy or file}: OK")
    return done.returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else stand.SHIPPED))
    except Wrong as error:
        sys.exit(f"validate: {error}")
