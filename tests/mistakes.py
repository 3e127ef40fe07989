"""Put a mistake into the default config."""

import copy

from conftest import DEFAULT

#: as a value: remove the key
REMOVED = object()


def changed(path: str, value):
    """The default config with the key at a dotted path set or removed."""
    out = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    inner = out
    for key in parents:
        inner = inner[key]
    if value is REMOVED:
        del inner[last]
    else:
        inner[last] = value
    return out
