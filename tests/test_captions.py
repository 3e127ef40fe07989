"""The captions of the report: rendered for the default config and for one of other names."""

import re
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest

from conftest import DEFAULT, ROOT, laid_over
from paramlerp.config import layers
from paramlerp.drawing import curves
from paramlerp.plan import figures
from paramlerp.plan.plan import Plan
from test_frame import NAMES

CAPTIONS = sorted((ROOT / "workflow" / "report").glob("*.rst"))
#: the figures whose bands are intervals
WITH_BANDS = ("line", "two_lines", "ensemble", "pairs", "plane_losses")


def renamed(value, names: dict[str, str]):
    """A config in which every name is replaced, as a key and as a value, but for kinds."""
    if isinstance(value, dict):
        return {
            names.get(k, k): v if k in ("kind", "shows") else renamed(v, names)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [renamed(v, names) for v in value]
    return names.get(value, value) if isinstance(value, str) else value


def other_names() -> dict:
    """The default config with names that nobody would guess, and other numbers of samples."""
    names = {name: f"zz{i}" for i, name in enumerate(sorted(NAMES))}
    config = renamed({part: DEFAULT[part] for part in layers.NAMED}, names)
    for attribute in config["attributes"].values():
        attribute["title"] = "loud voice"
    for sweep in config["sweeps"].values():
        sweep["samples"] = {4: 1, 1: 3}[sweep["samples"]]
    return {**DEFAULT, **config, "statistics": {"resamples": 77, "confidence": 0.9}}


CONFIGS = {"default": DEFAULT, "of other names": other_names()}


def render(config: dict, figure: str) -> str:
    """The caption of a figure, as Snakemake renders it from the params of its rule."""
    entry = config["figures"][figure]
    _, params = figures.drawing(Plan(config), figure)
    params |= {"figure": figure, "sweep": entry["sweep"], "shows": entry["shows"]}
    snakemake = SimpleNamespace(params=params, config=config)
    return template(ROOT / "workflow" / "report" / f"{entry['shows']}.rst").render(
        snakemake=snakemake
    )


def template(path: Path) -> jinja2.Template:
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(path.read_text())


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("figure", DEFAULT["figures"])
def test_a_caption_describes_what_was_run(name, figure):
    config = CONFIGS[name]
    position = list(DEFAULT["figures"]).index(figure)
    figure = list(config["figures"])[position]
    shows = config["figures"][figure]["shows"]
    text = " ".join(render(config, figure).split())
    assert text.startswith(f"**{figure}.** ") and "{" not in text and "  " not in text
    assert "experts" not in text, "the ends of a line may be other models"
    if shows in WITH_BANDS:
        assert f"{config['statistics']['confidence']:.0%} intervals" in text
        assert "given these models: no training was repeated" in text
    if name != "default":
        assert not set(re.findall(r"\w+", text)) & NAMES, "names of the default config"


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.name)
def test_a_caption_s_text_has_no_word_of_the_default_config(path):
    outside = re.sub(r"\{[{%].*?[%}]\}", "", path.read_text(), flags=re.S)
    assert not set(re.findall(r"\w+", outside)) & NAMES


def test_the_report_s_own_caption_is_rendered_too():
    snakemake = SimpleNamespace(config=CONFIGS["of other names"])
    text = template(ROOT / "workflow" / "report" / "workflow.rst").render(snakemake=snakemake)
    assert "zz" in text


@pytest.mark.parametrize(("samples", "title"), [(4, "a prompt's 4 texts"), (1, "each text")])
def test_a_panel_of_distinct_words_says_of_how_many_texts(samples, title):
    config = laid_over(DEFAULT, {"sweeps": {"pairs": {"samples": samples}}})
    _, params = figures.drawing(Plan(config), "fig10")
    assert params["panels"]["dist1"] == f"Distinct words (dist-1) of {title}"


def test_a_line_whose_ends_are_no_experts_names_them():
    """The note and the caption have the symbols of the checkpoints at the ends."""
    scheme = {"origin": {"films_1": 1}, "alpha": {"films_2": 1, "films_1": -1}}
    config = {**DEFAULT, "schemes": {**DEFAULT["schemes"], "g1": scheme}}
    text = " ".join(render(config, "fig3").split())
    assert "Beyond films_1 and films_2 (shaded) the line extrapolates." in text
    assert curves.shading(figures.line_labels(Plan(config), "g1")["ends"]) == (
        "shaded: beyond films_1 and films_2"
    )
