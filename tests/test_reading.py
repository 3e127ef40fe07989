"""Readers and splits: what each form of data becomes, and what is refused."""

import gzip
import json
from dataclasses import replace

import pandas as pd
import pytest

from conftest import BAD, GOOD, sentences
from paramlerp.data import prompts, readers, selections, splitting
from paramlerp.data.readers import Row
from paramlerp.jobs.errors import UserError

RATED = {"reader": "rated"}
TREES = {"reader": "trees"}
TABLE = {"reader": "table", "text": "text", "label": "label"}
#: what stands for a pole: of rated sentences, of trees, of a table
RATINGS = {
    "positive": {"at_least": 0.8},
    "negative": {"at_most": -0.8},
    "neutral": {"at_least": -0.2, "at_most": 0.2},
}
STARS = {"positive": {"labels": [3, 4]}, "negative": {"labels": [0, 1]}, "neutral": {"labels": [2]}}
LABELS = {"positive": {"labels": [1]}, "negative": {"labels": [0]}}
POLES = ("positive", "negative")


def pole_of_each(rows, choices) -> list[str | None]:
    """The pole of each row, None of one that stands for none."""
    poles = {row.id: row.pole for row in selections.assign_poles(rows, choices)}
    return [poles.get(row.id) for row in rows]


def test_rated_sentences(tmp_path):
    file = tmp_path / "rated.txt"
    lines = [
        "1\t2.5\tA ''fine'' film    indeed.",
        "2\t-0.8\tBad.",
        "3\t0.1\tIt ran.",
        "4\t0.5\tOk.",
    ]
    file.write_bytes("\r\n".join([*lines, "5\t1\tCliché."]).encode())
    rows = readers.read(file, RATED)
    assert [r.label for r in rows] == [2.5, -0.8, 0.1, 0.5, 1]
    assert pole_of_each(rows, RATINGS) == ["positive", "negative", "neutral", None, "positive"]
    assert rows[0].text == 'A "fine" film indeed.'
    assert rows[4].text == "Cliché."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1\tx\ttext", "line 1: not id, rating, text"),
        (b"1\t1\tfine\n2 no tabs", "line 2"),
        (b"1\t1\tclich\xe9", "line 1: not UTF-8"),
        (b"", "no rows"),
    ],
)
def test_rated_sentences_that_cannot_be_read(tmp_path, content, message):
    file = tmp_path / "rated.txt"
    file.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        readers.read(file, RATED)
    assert str(file) in str(error.value)


def test_trees(tmp_path):
    tree = "(4 (2 It) (3 (2 's) (3 (2 -LRB-) (2 so) (2 -RRB-) (3 fun) (2 .))))"
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.txt").write_text(tree + "\n(2 (2 Plain) (2 .))\n(0 (1 No) (2 !))\n")
    rows = readers.read(tmp_path, TREES)
    assert [r.split for r in rows[::3]] == ["train", "validation", "test"]
    assert pole_of_each(rows, STARS)[:3] == ["positive", "neutral", "negative"]
    assert [r.text for r in rows[:3]] == ["It's (so) fun.", "Plain.", "No!"]
    (tmp_path / "dev.txt").write_text("no tree\n")
    with pytest.raises(UserError, match=r"dev\.txt: line 1"):
        readers.read(tmp_path, TREES)


def test_detokenize():
    text = "`` I do n't know '' -- he 's $ 5 short , you see"
    assert readers.detokenize(text.split(" ")) == "\"I don't know\" -- he's $5 short, you see"


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_tables_of_ones_own(tmp_path, form):
    frame = pd.DataFrame({"text": ["good  film", "bad film", "a film"], "label": [1, 0, 5]})
    path = tmp_path / f"own.{form}"
    if form == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif form == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    rows = readers.read(path, TABLE)
    assert [r.text for r in rows] == ["good film", "bad film", "a film"]
    assert pole_of_each(rows, LABELS) == ["positive", "negative", None]


def test_a_local_copy_of_a_hub_dataset(tmp_path):
    """A folder of parquet files named by split, as the hub stores datasets."""
    (tmp_path / "data").mkdir()
    for split in ("train", "validation", "test"):
        frame = pd.DataFrame({"sentence": [f"{split} {i}" for i in range(2)], "label": [0, 1]})
        frame.to_parquet(tmp_path / "data" / f"{split}-00000-of-00001.parquet")
    rows = readers.read(tmp_path, {**TABLE, "text": "sentence"})
    assert [r.split for r in rows] == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    assert pole_of_each(rows, LABELS)[1] == "positive"


def test_prompts_in_nested_columns(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text(json.dumps({"prompt": {"text": "God never intended to"}}) + "\n")
    (row,) = readers.read(path, {"reader": "table", "text": "prompt.text"})
    assert (row.text, row.label) == ("God never intended to", None)
    assert selections.is_selected(row, {}), "without a selection all are meant"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"body": "x", "label": 1}\n', "row 1: no column 'text'"),
        ('{"text": 3, "label": 1}\n', "row 1: text: not text"),
        ('{"text": "x", "label": [1]}\n', "row 1: label"),
        ("not json\n", "own.jsonl"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "own.jsonl"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        readers.read(path, TABLE)


def test_a_file_that_is_no_table(tmp_path):
    path = tmp_path / "own.gz"
    path.write_bytes(gzip.compress(b"x"))
    with pytest.raises(UserError, match=r"\.jsonl"):
        readers.read(path, TABLE)


def test_a_row_stands_for_one_pole():
    rows = [Row("a", "fine", 0.9), Row("b", "it ran", 0.1)]
    twice = {"positive": {"at_least": 0.5}, "warm": {"at_least": 0, "at_most": 3}}
    with pytest.raises(UserError, match=r"a: 0\.9 stands for positive and for warm"):
        selections.assign_poles(rows, twice)
    assert [(r.id, r.pole) for r in selections.assign_poles(rows[1:], twice)] == [("b", "warm")]
    # A label is a word or a number; it is not taken for another that looks like it.
    words = [Row("a", "x", "1"), Row("b", "y", 1)]
    assert pole_of_each(words, {"positive": {"labels": [1]}}) == [None, "positive"]


def test_any_two_names_are_poles():
    rows = [Row(r.id, r.text, pole=POLE_OF[r.pole]) for r in corpus()]
    places = splitting.split(rows, poles=("formal", "casual"), parts=PARTS, **HOW)
    assert {pole for _, pole, _ in places} == {"formal", "casual"}
    own = splitting.split(corpus(), poles=POLES, parts=PARTS, **HOW)
    for (part, pole, split), held in own.items():
        assert [r.text for r in places[part, POLE_OF[pole], split]] == [r.text for r in held]


POLE_OF = {"positive": "formal", "negative": "casual"}
PARTS = {"experts": 0.4, "classifier": 0.3, "language_model": 0.3}
HOW = {"splits": {"train": 0.8, "validation": 0.1, "test": 0.1}, "near_duplicate": 0.9, "seed": 1}


def corpus():
    texts = [(t, "positive") for t in sentences(GOOD)] + [(t, "negative") for t in sentences(BAD)]
    return [Row(str(i), text, pole=pole) for i, (text, pole) in enumerate(texts)]


def test_no_text_is_in_two_places():
    places = splitting.split(corpus(), poles=POLES, parts=PARTS, **HOW)
    assert len(places) == 18
    texts = [r.text for rows in places.values() for r in rows]
    assert len(texts) == len(set(texts)) == len(corpus())
    train = places["experts", "positive", "train"]
    assert len(train) == pytest.approx(0.4 * 0.8 * len(corpus()) / 2, abs=2)
    assert all(r.pole == "positive" for r in train)


def test_places_depend_on_seed_and_text_alone():
    places = splitting.split(corpus(), poles=POLES, parts=PARTS, **HOW)
    turned = splitting.split(corpus()[::-1], poles=POLES, parts=PARTS, **HOW)
    other = splitting.split(corpus(), poles=POLES, parts=PARTS, **{**HOW, "seed": 2})
    key = ("classifier", "negative", "test")
    assert [r.text for r in places[key]] == [r.text for r in turned[key]]
    assert [r.text for r in places[key]] != [r.text for r in other[key]]


def test_near_duplicates_go():
    text = "one of the best films of this or indeed any other recent year of cinema"
    rows = [
        Row("a", text, pole="positive"),
        Row("b", text.upper() + "!", pole="positive"),
        Row("c", text.replace("recent", "given"), pole="negative"),
        Row("d", "a film of a quite different kind altogether", pole="positive"),
        Row("e", "Dull.", pole="negative"),
        Row("f", "dull", pole="negative"),
    ]
    assert [r.id for r in splitting.deduplicate(rows, threshold=0.9)] == ["a", "c", "d", "e"]
    assert [r.id for r in splitting.deduplicate(rows, threshold=0.5)] == ["a", "d", "e"]


def test_official_splits_are_kept_whole():
    rows = [
        Row(f"{s}{p}{i}", "same text", split=s, pole=p)
        for s in readers.SPLITS
        for p in POLES
        for i in range(3)
    ]
    only = {"experts": 1, "classifier": 0, "language_model": 0}
    places = splitting.split(rows, poles=POLES, parts=only, **HOW)
    assert {k: len(v) for k, v in places.items()} == {
        ("experts", p, s): 3 for s in readers.SPLITS for p in POLES
    }
    assert all(r.split == key[2] for key, own in places.items() for r in own)


def test_splits_that_are_not_complete_are_made_anew():
    """A source with a train split alone, or without validation, is cut as one of ours."""
    rows = [replace(r, split="train" if i % 3 else "test") for i, r in enumerate(corpus())]
    places = splitting.split(rows, poles=POLES, parts=PARTS, **HOW)
    assert all(places.values())
    assert not splitting.has_official_splits(rows, POLES)


def test_a_pole_without_text_is_an_error():
    rows = [r for r in corpus() if r.pole == "positive"]
    with pytest.raises(UserError, match="no negative text"):
        splitting.split(rows, poles=POLES, parts=PARTS, **HOW)
    with pytest.raises(UserError, match="is empty"):
        splitting.split(corpus()[:2] + corpus()[-2:], poles=POLES, parts=PARTS, **HOW)


def test_openings():
    rows = [Row(str(i), f"w{i} b c d e f", "neutral") for i in range(9)] + [
        Row("x", "too short a one", "neutral"),
        Row("y", "w10 b c d e f", "positive"),
    ]
    selection = {"labels": ["neutral"]}
    drawn = prompts.draw(rows, count=9, words=2, selection=selection, seed=1)
    assert sorted(drawn) == [f"w{i} b" for i in range(9)]
    assert drawn[:4] == prompts.draw(rows, count=4, words=2, selection=selection, seed=1)
    with pytest.raises(UserError, match="10 prompts are asked for, but there are 9"):
        prompts.draw(rows, count=10, words=2, selection=selection, seed=1)
