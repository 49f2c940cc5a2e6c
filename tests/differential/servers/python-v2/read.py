"""Validates values by schemas, as servers in Python do.

A line on stdin is `[SCHEMA, VALUE]`; the line that answers it is true or false, or null
where the schema cannot be used.
"""

import json
import sys

from jsonschema import Draft202012Validator

for line in sys.stdin:
    schema, value = json.loads(line)
    try:
        valid = Draft202012Validator(schema).is_valid(value)
    except Exception:  # Any fault is of the schema.
        valid = None
    print(json.dumps(valid), flush=True)
