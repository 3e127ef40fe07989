"""Which keys of a source's entry, and of a selection of its texts, matter to which jobs."""

#: the keys that say where a source of each kind is; other keys may be left from a config beneath
LOCATION = {
    "package": ("name", "version", "sha256", "extract"),
    "url": ("url", "sha256", "extract"),
    "hub": ("id", "revision"),
    "path": ("path",),
}
#: the keys that say who made a source, and under which licence; no job depends on them
PROVENANCE = ("origin", "licence")
#: the keys that make a source another one; a new version or revision has the same maker
IDENTITY = ("kind", "name", "extract", "url", "id", "path")
#: the keys of each reader
READERS = {"rated": (), "trees": (), "table": ("subset", "text", "label", "document")}
#: the keys that select texts of a source
SELECTION = ("at_least", "at_most", "labels")


def location(source: dict) -> dict:
    """Where a source is: its kind and that kind's keys; null where one is absent."""
    kind = source["kind"]
    return {"kind": kind, **{key: source.get(key) for key in LOCATION[kind]}}


def moved(source: dict, override: dict) -> dict:
    """A source's entry that a user's `override` was merged into, without what may be untrue now.

    An override that says where the source is, and not who made it, means another model or text.
    """
    if "origin" in override or not override.keys() & set(IDENTITY):
        return source
    return {k: v for k, v in source.items() if k not in PROVENANCE or k in override}


def reading(source: dict) -> dict:
    """How a source is read: its reader and that reader's keys."""
    reader = source["reader"]
    return {"reader": reader, **{key: source[key] for key in READERS[reader] if key in source}}


def selection(spec: dict) -> dict:
    """The conditions that select texts, without the source.

    So a source of another name with the same texts runs no job again.
    """
    return {key: spec[key] for key in SELECTION if spec.get(key) is not None}


def streamed(config: dict) -> list[str]:
    """The hub's sources that trainings read while they run, and no job downloads."""
    names = [c["source"] for c in config["corpora"].values() if c["kind"] == "stream"]
    return [name for name in names if config["sources"][name]["kind"] == "hub"]
