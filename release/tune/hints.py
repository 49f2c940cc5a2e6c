"""Branch hints: which ways a call takes, written into the module for V8.

Between two calls Envoy runs more code than the caches of a core hold, so most of the
time of a call is that of fetching its code. V8 puts the code of a branch that is hinted
to be unlikely behind the rest of its function. Hints change nothing of what the module
does: an engine may ignore them, and one that is wrong costs a little time.
"""

from wasm import unsigned

NEVER, ALWAYS, BOTH = "n", "a", "-"
SECTION = b"metadata.code.branch_hint"


def letter(taken, met):
    """What is learned of a branch that was met so often."""
    if met == 0 or 0 < taken < met:
        return BOTH
    return ALWAYS if taken else NEVER


def section(module, ways):
    """The custom section, where `ways` has the letters of each function's branches."""
    hinted = []
    for number, (function, letters) in enumerate(zip(module.functions, ways), module.imported):
        hints = [
            unsigned(at) + b"\x01" + bytes([way == ALWAYS])
            for at, way in zip(function.branches, letters)
            if way != BOTH
        ]
        if hints:
            hinted.append(unsigned(number) + unsigned(len(hints)) + b"".join(hints))
    return unsigned(len(SECTION)) + SECTION + unsigned(len(hinted)) + b"".join(hinted)
