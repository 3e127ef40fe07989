"""Readers of each form of data, poles of rows, disjoint splits, and openings as prompts."""

import gzip
import itertools
import json
from bisect import bisect_right
from collections import defaultdict
from dataclasses import replace

import pandas as pd
import pytest
import yaml

from conftest import BAD, GOOD, laid_over, make_inputs, sentences
from paramlerp.data import documents, prompts, readers, selections, splitting
from paramlerp.data.readers import Row
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.seeds import seed_for
from paramlerp.plan import reading
from runs import TINY_CONFIG, snakemake

RATED = {"reader": "rated"}
TREES = {"reader": "trees"}
TABLE = {"reader": "table", "text": "text", "label": "label"}
#: pole -> the rows that stand for it: of rated sentences, of trees (stars), of a table (labels)
RATINGS = {
    "positive": {"at_least": 0.8},
    "negative": {"at_most": -0.8},
    "neutral": {"at_least": -0.2, "at_most": 0.2},
}
STARS = {"positive": {"labels": [3, 4]}, "negative": {"labels": [0, 1]}, "neutral": {"labels": [2]}}
LABELS = {"positive": {"labels": [1]}, "negative": {"labels": [0]}}
POLES = ("positive", "negative")


def pole_of_each(rows, choices) -> list[str | None]:
    """The pole of each row; None if the row stands for no pole."""
    poles = {row.id: row.pole for row in selections.assign_poles(rows, choices)}
    return [poles.get(row.id) for row in rows]


def test_rated_sentences_are_read_with_their_ratings(tmp_path):
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


def test_rated_sentences_are_unescaped(tmp_path):
    """The tweets of Hutto & Gilbert are escaped as HTML, and some of their reviews."""
    file = tmp_path / "rated.txt"
    file.write_text("1\t2\tPauline &amp; Paulette &lt;3, S&M&nbsp;&amp;\n")
    (row,) = readers.read(file, RATED)
    assert row.text == "Pauline & Paulette <3, S&M &"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1\tx\ttext", "line 1: not id, rating, text"),
        (b"1\t1\tfine\n2 no tabs", "line 2"),
        (b"1\t1\tclich\xe9", "line 1: not UTF-8"),
        (b"1\t1\tfine\n2\tnan\ttext", "line 2: the rating is nan, not a finite number"),
        (b"1\t-inf\ttext", "line 1: the rating is -inf, not a finite number"),
        (b"", "no rows"),
    ],
)
def test_malformed_rated_sentences_are_refused(tmp_path, content, message):
    file = tmp_path / "rated.txt"
    file.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        readers.read(file, RATED)
    assert str(file) in str(error.value)


def test_rows_without_text_are_left_out_with_a_warning(tmp_path, caplog):
    file = tmp_path / "table.csv"
    file.write_text('text,label\nA film.,1\n"  ",0\n" ",1\n')
    spec = {"reader": "table", "text": "text", "label": "label"}
    with caplog.at_level("WARNING", logger="paramlerp"):
        assert [row.text for row in readers.read(file, spec)] == ["A film."]
    assert f"{file}: 2 rows have no text and are left out, first all-2" in caplog.text
    file.write_text('text,label\n"  ",0\n')
    with pytest.raises(UserError, match="no row has a text"):
        readers.read(file, spec)


def test_a_label_that_is_no_finite_number_is_refused(tmp_path):
    file = tmp_path / "table.jsonl"
    file.write_text('{"text": "A film.", "label": 1.0}\n{"text": "Bad.", "label": Infinity}\n')
    with pytest.raises(UserError, match="row 2: label inf is neither a finite number nor a word"):
        readers.read(file, {"reader": "table", "text": "text", "label": "label"})


def test_trees_are_read_as_sentences_with_stars_and_splits(tmp_path):
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


def test_detokenizing_restores_the_spacing_and_quotes_of_prose():
    text = "`` I do n't know '' -- he 's $ 5 short , you see"
    assert readers.detokenize(text.split(" ")) == "\"I don't know\" -- he's $5 short, you see"


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_a_table_of_a_user_is_read_in_each_format(tmp_path, form):
    frame = pd.DataFrame({"text": ["good  film", "bad film", "a film"], "label": [1, 0, 5]})
    path = tmp_path / f"table.{form}"
    if form == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif form == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    rows = readers.read(path, TABLE)
    assert [r.text for r in rows] == ["good film", "bad film", "a film"]
    assert pole_of_each(rows, LABELS) == ["positive", "negative", None]


def test_a_local_copy_of_a_hub_dataset_is_read_with_its_splits(tmp_path):
    """A folder of parquet files that are named by split, as the hub stores datasets."""
    (tmp_path / "data").mkdir()
    for split in ("train", "validation", "test"):
        frame = pd.DataFrame({"sentence": [f"{split} {i}" for i in range(2)], "label": [0, 1]})
        frame.to_parquet(tmp_path / "data" / f"{split}-00000-of-00001.parquet")
    rows = readers.read(tmp_path, {**TABLE, "text": "sentence"})
    assert [r.split for r in rows] == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    assert pole_of_each(rows, LABELS)[1] == "positive"


def test_a_nested_column_is_read_by_its_dotted_name(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text(json.dumps({"prompt": {"text": "God never intended to"}}) + "\n")
    (row,) = readers.read(path, {"reader": "table", "text": "prompt.text"})
    assert (row.text, row.label) == ("God never intended to", None)
    assert selections.is_selected(row, {}), "an empty selection selects every row"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"body": "x", "label": 1}\n', "row 1: no column 'text'"),
        ('{"text": 3, "label": 1}\n', "row 1: text: not text"),
        ('{"text": "x", "label": [1]}\n', "row 1: label"),
        ("not json\n", "table.jsonl"),
    ],
)
def test_a_malformed_table_is_refused(tmp_path, content, message):
    path = tmp_path / "table.jsonl"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        readers.read(path, TABLE)


def test_a_file_of_another_format_than_a_table_is_refused(tmp_path):
    path = tmp_path / "table.gz"
    path.write_bytes(gzip.compress(b"x"))
    with pytest.raises(UserError, match=r"\.jsonl"):
        readers.read(path, TABLE)


def test_a_row_that_stands_for_two_poles_is_refused():
    rows = [Row("a", "fine", "a", 0.9), Row("b", "it ran", "b", 0.1)]
    overlapping = {"positive": {"at_least": 0.5}, "warm": {"at_least": 0, "at_most": 3}}
    with pytest.raises(UserError, match=r"a: 0\.9 stands for positive and for warm"):
        selections.assign_poles(rows, overlapping)
    accepted = selections.assign_poles(rows[1:], overlapping)
    assert [(r.id, r.pole) for r in accepted] == [("b", "warm")]


def test_a_number_as_label_does_not_match_the_same_number_as_text():
    rows = [Row("a", "x", "a", "1"), Row("b", "y", "b", 1)]
    assert pole_of_each(rows, {"positive": {"labels": [1]}}) == [None, "positive"]


def test_the_names_of_the_poles_do_not_change_the_split():
    rows = [Row(r.id, r.text, r.id, pole=POLE_OF[r.pole]) for r in corpus()]
    renamed = splitting.split(rows, poles=("formal", "casual"), parts=PARTS, **SETTINGS)
    assert {pole for _, pole, _ in renamed} == {"formal", "casual"}
    subsets = splitting.split(corpus(), poles=POLES, parts=PARTS, **SETTINGS)
    for (part, pole, split), rows in subsets.items():
        assert [r.text for r in renamed[part, POLE_OF[pole], split]] == [r.text for r in rows]


POLE_OF = {"positive": "formal", "negative": "casual"}
PARTS = {"experts": 0.4, "classifier": 0.3, "language_model": 0.3}
SETTINGS = {
    "splits": {"train": 0.8, "validation": 0.1, "test": 0.1},
    "near_duplicate": 0.9,
    "seed": 1,
}


def corpus() -> list[Row]:
    """All sentences about films; those with the words of GOOD are positive."""
    texts = [(t, "positive") for t in sentences(GOOD)] + [(t, "negative") for t in sentences(BAD)]
    return [Row(str(i), text, str(i), pole=pole) for i, (text, pole) in enumerate(texts)]


def test_no_text_is_in_two_subsets():
    subsets = splitting.split(corpus(), poles=POLES, parts=PARTS, **SETTINGS)
    assert len(subsets) == 18
    texts = [r.text for rows in subsets.values() for r in rows]
    assert len(texts) == len(set(texts)) == len(corpus())
    train = subsets["experts", "positive", "train"]
    assert len(train) == pytest.approx(0.4 * 0.8 * len(corpus()) / 2, abs=2)
    assert all(r.pole == "positive" for r in train)


def test_the_split_depends_on_seed_and_texts_but_not_on_the_order_of_rows():
    subsets = splitting.split(corpus(), poles=POLES, parts=PARTS, **SETTINGS)
    reversed_ = splitting.split(corpus()[::-1], poles=POLES, parts=PARTS, **SETTINGS)
    other_seed = splitting.split(corpus(), poles=POLES, parts=PARTS, **{**SETTINGS, "seed": 2})
    key = ("classifier", "negative", "test")
    assert [r.text for r in subsets[key]] == [r.text for r in reversed_[key]]
    assert [r.text for r in subsets[key]] != [r.text for r in other_seed[key]]


def test_near_duplicates_are_removed():
    text = "one of the best films of this or indeed any other recent year of cinema"
    rows = [
        Row("a", text, "a", pole="positive"),
        Row("b", text.upper() + "!", "b", pole="positive"),
        Row("c", text.replace("recent", "given"), "c", pole="negative"),
        Row("d", "a film of a quite different kind altogether", "d", pole="positive"),
        Row("e", "Dull.", "e", pole="negative"),
        Row("f", "dull", "f", pole="negative"),
    ]
    assert [r.id for r in splitting.deduplicate(rows, threshold=0.9)] == ["a", "c", "d", "e"]
    assert [r.id for r in splitting.deduplicate(rows, threshold=0.5)] == ["a", "d", "e"]


def test_complete_official_splits_are_kept():
    rows = [
        Row(f"{s}{p}{i}", f"the same {s} text", f"{s}{p}{i}", split=s, pole=p)
        for s in readers.SPLITS
        for p in POLES
        for i in range(3)
    ]
    experts_only = {"experts": 1, "classifier": 0, "language_model": 0}
    subsets = splitting.split(rows, poles=POLES, parts=experts_only, **SETTINGS)
    assert {k: len(v) for k, v in subsets.items()} == {
        ("experts", p, s): 3 for s in readers.SPLITS for p in POLES
    }
    assert all(r.split == key[2] for key, kept in subsets.items() for r in kept)


def test_incomplete_official_splits_are_replaced():
    """A source without a validation split is split like a source without splits."""
    rows = [replace(r, split="train" if i % 3 else "test") for i, r in enumerate(corpus())]
    subsets = splitting.split(rows, poles=POLES, parts=PARTS, **SETTINGS)
    assert all(subsets.values())
    assert not splitting.has_official_splits(rows, POLES)


def test_a_pole_without_text_is_an_error():
    rows = [r for r in corpus() if r.pole == "positive"]
    with pytest.raises(UserError, match="no negative text"):
        splitting.split(rows, poles=POLES, parts=PARTS, **SETTINGS)
    with pytest.raises(UserError, match="is empty"):
        splitting.split(corpus()[:2] + corpus()[-2:], poles=POLES, parts=PARTS, **SETTINGS)


def articles() -> list[Row]:
    """The corpus in articles of one to five sentences, most of them of both poles."""
    half = len(corpus()) // 2
    rows = [row for i in range(half) for row in corpus()[i::half]]
    ends = list(itertools.accumulate(1 + i % 5 for i in range(len(rows))))
    return [replace(row, document=f"a{bisect_right(ends, i)}") for i, row in enumerate(rows)]


def test_no_document_is_cut_between_parts_or_splits():
    subsets = splitting.split(articles(), poles=POLES, parts=PARTS, **SETTINGS)
    homes = defaultdict(set)
    for (part, _, split), rows in subsets.items():
        for row in rows:
            homes[row.document].add((part, split))
    assert all(len(places) == 1 for places in homes.values())
    assert any(len({r.pole for r in articles() if r.document == d}) == 2 for d in homes)
    assert sum(map(len, subsets.values())) == len(corpus())
    assert all(row.pole == pole for (_, pole, _), rows in subsets.items() for row in rows)
    for pole in POLES:
        n = len(subsets["experts", pole, "train"])
        assert n == pytest.approx(0.4 * 0.8 * len(corpus()) / 2, rel=0.15)


def test_documents_of_one_text_are_cut_in_the_order_of_a_hash_of_the_text():
    subsets = splitting.split(corpus(), poles=POLES, parts=PARTS, **SETTINGS)
    for pole in POLES:
        rows = [row for row in corpus() if row.pole == pole]
        rows.sort(key=lambda row: seed_for(1, row.text))
        experts = rows[: round(0.4 * len(rows))]
        train = experts[: round(0.8 * len(experts))]
        assert subsets["experts", pole, "train"] == train
        assert subsets["experts", pole, "validation"][0] == experts[len(train)]


def test_documents_are_ordered_by_all_their_texts_not_only_by_those_of_a_pole():
    """So that the split's order is that of corpora, which also hold the other texts."""
    whole = [*articles(), *(Row(f"n{i}", f"plain {i}", f"a{i}") for i in range(99))]
    numbers = documents.order(whole, 1)
    assert documents.order(whole[::-1], 1) == numbers
    with_whole = splitting.split(articles(), poles=POLES, parts=PARTS, whole=whole, **SETTINGS)
    for rows in with_whole.values():
        assert [numbers[r.document] for r in rows] == sorted(numbers[r.document] for r in rows)
    assert with_whole != splitting.split(articles(), poles=POLES, parts=PARTS, **SETTINGS)


def official() -> list[Row]:
    """The corpus with the splits of its source: a half, a quarter and a quarter of each pole."""
    names = ("train", "train", "validation", "test")
    return [replace(row, split=names[i % 4]) for i, row in enumerate(corpus())]


def test_the_official_test_split_is_whole_in_every_part():
    subsets = splitting.split(official(), poles=POLES, parts=PARTS, **SETTINGS)
    for part, pole in itertools.product(PARTS, POLES):
        whole = {row.text for row in official() if row.split == "test" and row.pole == pole}
        assert {row.text for row in subsets[part, pole, "test"]} == whole
    for split in ("train", "validation"):
        kept = [r.text for (_, _, name), rows in subsets.items() if name == split for r in rows]
        assert len(kept) == len(set(kept)) == sum(row.split == split for row in official())


@pytest.mark.parametrize("classifier", [0, 0.5])
def test_official_splits_share_no_near_duplicate_and_no_document(classifier, caplog):
    """The test split keeps all of its rows, and a split in one part keeps its own repeats."""
    text = "one of the best films of this or indeed any other recent year of cinema"
    copies = [
        Row("a", text.upper(), "a", split="train", pole="positive"),
        Row("b", text + "!", "b", split="validation", pole="positive"),
        Row("c", text, "c", split="test", pole="negative"),
        Row("d", text, "d", split="test", pole="positive"),
        Row("e", "a quite different text", "e", split="validation", pole="positive"),
        Row("f", "A quite different text.", "f", split="train", pole="positive"),
        Row("g", "it ran", "c", split="train", pole="negative"),
        Row("h", "one more of the trained texts", "h", split="train", pole="positive"),
        Row("i", "One more of the trained texts!", "i", split="train", pole="positive"),
    ]
    parts = {"experts": 1 - classifier, "classifier": classifier, "language_model": 0}
    with caplog.at_level("INFO", logger="paramlerp"):
        subsets = splitting.split([*copies, *official()], poles=POLES, parts=parts, **SETTINGS)
    ids = {row.id for rows in subsets.values() for row in rows} & {row.id for row in copies}
    assert ids == ({"c", "d", "e", "h"} if classifier else {"c", "d", "e", "h", "i"})
    n_train = len([row for row in official() if row.split == "train"]) + 5
    dropped = 4 if classifier else 3
    assert f"train: {dropped} of {n_train} texts" in caplog.text
    assert "validation: 1 of" in caplog.text and "test: " not in caplog.text


def test_prompts_are_drawn_from_the_first_words_of_selected_rows():
    rows = [Row(str(i), f"w{i} b c d e f", str(i), "neutral") for i in range(9)] + [
        Row("x", "too short a one", "x", "neutral"),
        Row("y", "w10 b c d e f", "y", "positive"),
    ]
    selection = {"labels": ["neutral"]}
    drawn = prompts.draw(rows, count=9, words=2, selection=selection, seed=1)
    assert sorted(drawn) == [f"w{i} b" for i in range(9)]
    ordered = sorted(rows[:9], key=lambda row: seed_for(1, row.text))
    assert list(drawn.items()) == [(row.text[:4], row.document) for row in ordered]
    fewer = prompts.draw(rows, count=4, words=2, selection=selection, seed=1)
    assert list(drawn)[:4] == list(fewer)
    with pytest.raises(UserError, match="10 prompts are asked for, but there are 9"):
        prompts.draw(rows, count=10, words=2, selection=selection, seed=1)


def test_a_document_gives_one_prompt():
    rows = [Row(f"{i}", f"w{i} b c d e f", f"article {i % 4}") for i in range(12)]
    drawn = prompts.draw(rows, count=4, words=2, selection={}, seed=1)
    assert len(drawn) == 4 and set(drawn.values()) == {f"article {i}" for i in range(4)}
    with pytest.raises(UserError, match=r"5 prompts .* 4 different ones, each of another document"):
        prompts.draw(rows, count=5, words=2, selection={}, seed=1)


def test_documents_with_prompts_are_left_out_of_text_to_train_on(tmp_path, caplog):
    """All their texts, and only in the source that the prompts are drawn from."""
    lines = [f"{i // 2}_{i % 2}\t0\tSentence {i}.\n" for i in range(6)]
    for name in ("one.txt", "other.txt"):
        (tmp_path / name).write_text("".join(lines))
    files.write_jsonl(tmp_path / "prompts.jsonl", [{"prompt": "Sentence", "document": "1"}])
    sources, used = [tmp_path / "one.txt", tmp_path / "other.txt"], [tmp_path / "prompts.jsonl"]
    with caplog.at_level("INFO", logger="paramlerp"):
        one, other = documents.read_training_text(sources, [RATED, RATED], [[], used])
    assert [row.id for row in one] == ["0_0", "0_1", "1_0", "1_1", "2_0", "2_1"]
    assert [row.document for row in other] == ["2/0", "2/0", "2/2", "2/2"]
    assert f"{sources[1]}: 2 texts of the prompts' documents are left out" in caplog.text
    files.write_jsonl(tmp_path / "prompts.jsonl", ({"document": str(i)} for i in range(3)))
    with pytest.raises(UserError, match=r"other\.txt: every document has a prompt"):
        documents.read_training_text(sources[1:], [RATED], [used])


def test_prompts_count_for_every_name_of_their_source():
    """Two names of one file, and a source of another place."""
    table = {"kind": "path", "path": "a.jsonl", "reader": "table", "text": "text"}
    config = {
        "sources": {"a": table, "b": {**table, "label": "stars"}, "c": {**table, "path": "c"}},
        "prompts": {"p": {"source": "a"}, "q": {"source": "c"}, "unused": {"source": "a"}},
    }
    p, q = "results/prompts/p.jsonl", "results/prompts/q.jsonl"
    assert reading.prompts_from(config, ["a", "b", "c"], ["p", "q"]) == [[p], [p], [q]]
    assert reading.prompt_files(config, ["b", "a"], ["p", "q"]) == [p]


def test_no_expert_is_trained_on_a_document_of_a_prompt(tokenizer, tmp_path):
    """Here the prompts are drawn from the attribute's own source."""
    lines = [
        f"{i // 3}_{i % 3}\t{rating}\tReview {i} says the film is {rating}."
        for i, rating in enumerate([2, -2, 0] * 80)
    ]
    make_inputs(tmp_path / "inputs", tokenizer)
    (tmp_path / "rated.txt").write_text("\n".join(lines) + "\n")
    rated = {"kind": "path", "path": "rated.txt", "reader": "rated"}
    positive, negative = ({"source": "reviews", **RATINGS[pole]} for pole in POLES)
    own = {
        "sources": {"reviews": rated},
        "prompts": {"neutral": {"source": "reviews", "count": 7}, "glad": {"source": "reviews"}},
    }
    tiny = yaml.safe_load(TINY_CONFIG.read_text())
    tiny["sources"]["reviews"] = {}
    config = laid_over(tiny, own)
    config["attributes"]["sentiment"]["text"] = {"positive": positive, "negative": negative}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(config))
    target = "results/data/sentiment/experts/positive/train.jsonl"
    run = snakemake(tmp_path, target, configfile=tmp_path / "own.yaml")
    assert run.returncode == 0, run.stdout + run.stderr
    used = set()
    for name in ("neutral", "glad"):
        drawn = files.read_jsonl(tmp_path / f"results/prompts/{name}.jsonl")
        used |= {row["document"] for row in drawn}
    written = list((tmp_path / "results/data").rglob("*.jsonl"))
    rows = [row for path in written for row in files.read_jsonl(path)]
    assert len(written) == 18 and len(rows) == 2 * (80 - len(used))
    assert {row["document"] for row in rows} == {f"sentiment/1/{i}" for i in range(80)} - {
        f"sentiment/1/{document}" for document in used
    }
