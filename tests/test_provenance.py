"""Who made each source and under which licence: stated in the configs, printed by a command."""

import pandas as pd
import pytest
import yaml

from conftest import DEFAULT, ROOT, over_default
from paramlerp.config import entries
from paramlerp.plan import provenance
from runs import snakemake

CONFIGS = [ROOT / "config.yaml", *sorted((ROOT / "config").glob("*.yaml"))]


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_every_source_of_a_config_states_its_origin_and_its_licence(file):
    sources = yaml.safe_load(file.read_text(encoding="utf-8")).get("sources", {})
    for name, source in sources.items():
        if source["kind"] != "path":
            assert all(source.get(key) for key in entries.PROVENANCE), name


def by_source(config: dict) -> dict[str, dict]:
    return {row["source"]: row for row in provenance.rows(config)}


def test_a_row_says_what_a_source_is_used_for_and_what_is_pinned():
    row = by_source(DEFAULT)["editorials"]
    assert row["used_for"] == (
        "tests of sentiment_judge, corpus papers, prompts neutral, scorer perplexity"
    )
    assert row["pinned"].startswith("vaderSentiment 3.3.2, sha256 5d7c06e027fc8b")
    assert "New York Times" in row["origin"] and row["licence"].startswith("MIT for the package")
    mine = {
        "url": {"kind": "url", "url": "https://example.org/a.csv", "reader": "trees"},
        "hub": {"kind": "hub", "id": "a/b"},
        "folder": {"kind": "path", "path": "/data"},
    }
    rows = by_source(over_default({"sources": mine}))
    assert rows["url"]["pinned"] == "https://example.org/a.csv, its hash at first fetch"
    assert rows["hub"]["pinned"] == "a/b, its newest commit at first fetch"
    assert rows["folder"]["pinned"] == "/data"
    for name in mine:
        assert rows[name]["used_for"] == "nothing"
        assert rows[name]["origin"] == rows[name]["licence"] == "unknown"


def test_another_model_or_text_under_the_name_of_a_default_loses_what_was_said_of_that():
    elsewhere = {"kind": "hub", "id": "gpt2"}
    row = by_source(over_default({"sources": {"base": elsewhere}}))["base"]
    assert (row["origin"], row["licence"]) == ("unknown", "unknown")
    licensed = {**elsewhere, "licence": "MIT"}
    row = by_source(over_default({"sources": {"base": licensed}}))["base"]
    assert (row["origin"], row["licence"]) == ("unknown", "MIT")
    stated = {**licensed, "origin": "OpenAI"}
    row = by_source(over_default({"sources": {"base": stated}}))["base"]
    assert (row["origin"], row["licence"]) == ("OpenAI", "MIT")
    newer = by_source(over_default({"sources": {"base": {"version": "0.2"}}}))["base"]
    assert newer["licence"] == by_source(DEFAULT)["base"]["licence"]


def test_no_job_depends_on_origin_and_licence():
    """Else a corrected licence would fetch every model again."""
    for source in DEFAULT["sources"].values():
        bare = {key: value for key, value in source.items() if key not in entries.PROVENANCE}
        assert bare != source and entries.location(source) == entries.location(bare)
        if "reader" in source:
            assert entries.reading(source) == entries.reading(bare)


def test_sources_are_listed_without_fetching_anything(tmp_path):
    run = snakemake(tmp_path, "sources", configfile=ROOT / "config" / "paper.yaml")
    assert run.returncode == 0, run.stderr
    assert "allenai/c4" in run.stderr and "ODC-By-1.0" in run.stderr
    table = pd.read_csv(tmp_path / "results/sources.csv").set_index("source")
    assert list(table) == ["used_for", "kind", "pinned", "origin", "licence"]
    assert "Radford" in table.loc["base", "origin"] and table.notna().all(axis=None)
    assert not (tmp_path / "results/sources").exists()
