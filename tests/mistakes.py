"""Put a mistake into the default config."""

import copy

import pytest

from conftest import DEFAULT, SCHEMA
from paramlerp.config import layers
from paramlerp.jobs.errors import UserError

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


def assert_refused(config: dict, line: str) -> None:
    """The config is refused in one line, which begins with "config: " and `line`."""
    with pytest.raises(UserError) as error:
        layers.complete(config, SCHEMA)
    assert str(error.value).startswith(f"config: {line}")
    assert "\n" not in str(error.value)
