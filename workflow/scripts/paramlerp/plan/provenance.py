"""Where the weights and texts of others come from: a row for each source of a config."""

from collections.abc import Iterator

from ..config import entries

#: what is printed where a source of the user's own says nothing
UNKNOWN = "unknown"


def rows(config: dict) -> list[dict]:
    """source, used_for, kind, pinned, origin and licence of each source, sorted by its name.

    `pinned` is what the config pins, or what it leaves open until the first fetch.
    """
    uses: dict[str, list[str]] = {name: [] for name in sorted(config["sources"])}
    for source, use in _uses(config):
        if use not in uses[source]:
            uses[source].append(use)
    return [
        {
            "source": name,
            "used_for": ", ".join(uses[name]) or "nothing",
            "kind": config["sources"][name]["kind"],
            "pinned": _pinned(entries.location(config["sources"][name])),
            **{key: config["sources"][name].get(key) or UNKNOWN for key in entries.PROVENANCE},
        }
        for name in uses
    ]


def _uses(config: dict) -> Iterator[tuple[str, str]]:
    """Each source that an entry of the config names, and that entry."""
    for name, checkpoint in config["checkpoints"].items():
        if "source" in checkpoint:
            yield checkpoint["source"], f"checkpoint {name}"
        for text in checkpoint.get("also_test_on", {}).values():
            yield from ((selection["source"], f"tests of {name}") for selection in text.values())
    for name, attribute in config["attributes"].items():
        for selection in attribute["text"].values():
            yield selection["source"], f"attribute {name}"
    for name, corpus in config["corpora"].items():
        named = corpus["sources"] if corpus["kind"] == "texts" else [corpus["source"]]
        yield from ((source, f"corpus {name}") for source in named)
    for name, prompts in config["prompts"].items():
        yield prompts["source"], f"prompts {name}"
    for name, scorer in config["scorers"].items():
        if scorer["kind"] == "tagger":
            yield scorer["source"], f"scorer {name}"
        if scorer["kind"] == "perplexity":
            yield from ((source, f"scorer {name}") for source in scorer["unigrams"])


def _pinned(location: dict) -> str:
    """The version and hash of what is fetched, as the config pins them."""
    sha256 = f"sha256 {location['sha256']}" if location.get("sha256") else "its hash at first fetch"
    if location["kind"] == "package":
        return f"{location['name']} {location['version']}, {sha256}"
    if location["kind"] == "url":
        return f"{location['url']}, {sha256}"
    if location["kind"] == "hub":
        return f"{location['id']}, {location['revision'] or 'its newest commit at first fetch'}"
    return location["path"]
