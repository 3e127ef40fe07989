"""The README's numbers come from the tables of the reference run, and links lead somewhere."""

import re
import subprocess
import sys
from decimal import Decimal

import pytest

import fill as filling
from conftest import ROOT
from fill import FillError, Interval, fill


def interval(*numbers: str) -> Interval:
    """An interval of decimals."""
    return Interval(*map(Decimal, numbers))


#: what a template may hold with digits in it: names, versions, coordinates and section numbers
ALLOWED = [
    r"Figures? \d+(( to |, | and )\d+)*|figures \(\d+ to \d+\)|tables \(\d+ to \d+\)|eq\. \d",
    r"section \d\.\d|arxiv\.org/abs/\d+\.\d+|ICWSM 2014|Apache-2\.0",
    r"\bg[123]\b|GPT-2|GPT-C4|SmolLM2-135M-Instruct|\bH100\b|(films|papers)_\d|dist-2",
    r"4-bit|fp32|Python 3\.11|95%",
    r"−1 and 2 are|α = −1\.5 to 2|Σ cᵢ = 1\. A|wholly below 0|without 0|holds? 0|README\.md\.j2",
    r"[αβ] (=|<) −?\d(\.\d)?( to \d)?(?![\d.])|\(α = −¼, 1¼\)",
    r"\b(at|At) −?[0-3]\b(?!\.\d|%)",
    r"\[0, 1\]|from −1 to 1|Beyond 1 no|At ½, not at 1|α \| 0 \| α|1−α−β|1−α|\(1−α\)",
    r"\| 1 \| α \| −α|sums? to [01]|at most three decimals|within 4 ε",
]
#: code, links' targets and the expressions of the template, whose numbers are no sentences
NOT_TEXT = [r"\{\{.*?\}\}", r"\{%.*?%\}", r"\{#.*?#\}", r"```.*?```", r"`[^`]*`", r"\]\([^)]*\)"]
PAGES = sorted(
    page
    for folder in (".", "docs", "config", "benchmarks")
    for page in (ROOT / folder).glob("*.md")
)


def typed_numbers(template: str) -> list[str]:
    """The numbers of a template that are neither made by an expression nor allowed."""
    literal = re.findall(r"\{\{-?\s*(?:\"[^\"]*\"|[\d.]+)\s*(?:\||\}\})", template)
    template += "".join(f"\n{words}" for words in re.findall(r"holds\(\"([^\"]*)\"", template))
    for pattern in NOT_TEXT:
        template = re.sub(pattern, "□", template, flags=re.DOTALL)
    for pattern in ALLOWED:
        template = re.sub(pattern, "□", template)
    return literal + re.findall(r".{0,20}\d.{0,20}", template)


#: two rows of it have an alpha of 1
TABLE = """\
alpha,x,x_low,x_high,y
0.000,.5,.25,.75,nan
1,2,1,3,
1,9,1,3,4
"""


def made(tmp_path, template: str) -> str:
    """A template filled from the table `t`, with an empty config."""
    reference = tmp_path / "results" / "reference"
    reference.mkdir(parents=True)
    (tmp_path / "config.yaml").write_text("{}")
    (reference / "timings.yaml").write_text("{}")
    (reference / "t.csv").write_text(TABLE)
    (tmp_path / "README.md.j2").write_text(template)
    return fill(tmp_path, filling.Path("README.md.j2"))


def test_the_readme_is_what_its_template_and_the_tables_give():
    command = [sys.executable, str(ROOT / "docs" / "fill.py")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == (ROOT / "README.md").read_text(), "python docs/fill.py > README.md"


def test_no_result_is_typed_into_the_template():
    template = (ROOT / filling.TEMPLATE).read_text()
    assert typed_numbers(template) == []


@pytest.mark.parametrize(
    "typed",
    [
        "it is .54 [.47, .62]",
        "12% of them",
        "in 40 min",
        "4,800 texts",
        "falls to −.03",
        "AUC .93 there",
        "at 18 and more",
        "at 2% of it",
        "at 2.5",
        "α = 12",
        "22 at α + β = 0",
        '{{ "12%" }}',
        "{{ 0.54|dec(2) }}",
        '{{ holds("it rises by 12%", true) }}',
    ],
)
def test_a_typed_result_is_found(typed):
    assert typed_numbers(f"Figure 3, at α = 2: {typed}.")


def test_a_version_in_the_readme_is_the_pinned_one():
    versions = re.findall(r"install version (\S+) from", (ROOT / "README.md").read_text())
    pinned = "\n".join(file.read_text() for file in ROOT.glob("requirements*"))
    assert all(re.search(rf"^torch=={re.escape(version)}\b", pinned, re.M) for version in versions)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (filling.decimals(Decimal("0.5362"), 2), ".54"),
        (filling.decimals(Decimal("-0.0298"), 2), "−.03"),
        (
            filling.decimals(interval("-0.0298", "-0.18", "0.122"), 2),
            "−.03 [−.18, .12]",
        ),
        (filling.decimals(Decimal("0.125"), 2), ".13"),
        (filling.decimals(Decimal("0.9999"), 2), "1.00"),
        (filling.decimals(Decimal("10.05"), 2), "10.05"),
        (filling.decimals(Decimal(0), 2, unit=" nats"), "0 nats"),
        (
            filling.decimals(interval("1.84", "-0.99", "4.77"), 1, plus=True),
            "+1.8 [−1.0, 4.8]",
        ),
        (filling.decimals(4096, 0), "4,096"),
        (filling.significant(Decimal("18318.4"), 3), "18,300"),
        (filling.significant(Decimal("0.070840"), 2), ".071"),
        (filling.significant(Decimal("9.96"), 2), "10"),
        (filling.percent(Decimal("0.525")), "53%"),
        (filling.plain(Decimal("-0.500")), "−0.5"),
        (filling.plain(Decimal("100")), "100"),
        (filling.word(8), "eight"),
        (filling.clock(255), "4:15"),
        (filling.minutes(2397.5), "40"),
    ],
)
def test_numbers_are_written_in_the_style_of_the_readme(value, written):
    assert value == written


def test_a_cell_is_found_by_its_row_and_column(tmp_path):
    template = '{{ cell("t", "x", alpha=0)|dec(2) }}, {{ interval("t", "x", alpha=0)|dec(2) }}'
    assert made(tmp_path, template) == ".50, .50 [.25, .75]"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ('{{ cell("t", "x", alpha=2) }}', "README.md.j2:2: t: no row with alpha=2"),
        ('{{ cell("t", "x", alpha=1) }}', "README.md.j2:2: t: 2 rows with alpha=1"),
        ('{{ cell("t", "z", alpha=0) }}', "README.md.j2:2: t: no column 'z'"),
        ('{{ cell("t", "x", beta=0) }}', "README.md.j2:2: t: no column 'beta'"),
        ('{{ cell("t", "y", alpha=0) }}', "README.md.j2:2: t: no number in column 'y'"),
        ('{{ cell("t", "y", x=2) }}', "README.md.j2:2: t: no number in column 'y'"),
        ('{{ interval("t", "y", x=9) }}', "README.md.j2:2: t: no column 'low'"),
        ('{{ cell("u", "x", alpha=0) }}', "README.md.j2:2: u: no table"),
        ("{{ measured.a.seconds }}", "README.md.j2:2: .*no attribute 'a'"),
        (
            '{{ holds("It rises", cell("t", "x", alpha=0) > 1) }}',
            "README.md.j2:2: .*do not support: It rises",
        ),
        ("{{ cell(", "README.md.j2:2: "),
    ],
)
def test_a_number_that_no_table_has_is_an_error(tmp_path, template, message):
    with pytest.raises(FillError, match=message):
        made(tmp_path, f"First line.\n{template}\n")


def test_all_sentences_that_do_not_hold_are_named_at_once(tmp_path):
    with pytest.raises(FillError, match=r"(?s)j2:1: .*It rises.*j2:2: .*It falls"):
        made(tmp_path, '{{ holds("It rises", false) }}\n{{ holds("It falls", false) }}')


def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    text = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(link)
    assert broken == []
