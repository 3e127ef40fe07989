"""Write a point of a scheme as a model of its own: weights, settings of generation, and a card.

The directory loads with transformers alone. The card says how the model was made, what was measured
along its line, and what it is not for.
"""

import textwrap
from decimal import Decimal
from pathlib import Path

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job
from paramlerp.weights import merging, naming, records

#: safetensors' names of the dtypes that a model may be exported in
DTYPES = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}
#: texts of as many prompts are in the card
TEXTS = 5
MERGE = "merge.json"


def write(
    choice: dict, directories: dict[str, str], settings: dict, card: str, target: str
) -> None:
    """Write the HF directory `target`; it appears complete or not at all.

    `choice` has the scheme, the point and the coefficients, by the names of `directories`;
    `settings` the dtype, whether a chat template is kept, and those of generation.
    """
    coefficients = {name: Decimal(value) for name, value in choice["coefficients"].items()}
    with files.writing(target) as beside:
        beside.mkdir()
        merger = merging.Merger(directories)
        merger.write(coefficients, beside, DTYPES[settings["dtype"]])
        if not settings["chat_template"]:
            drop_chat_template(beside)
        config = files.read_json(beside / "config.json")
        config = {k: v for k, v in config.items() if k != "torch_dtype"}
        files.write_json(beside / "config.json", config | {"dtype": settings["dtype"]})
        set_generation(beside, settings["generation"])
        sources = {name: records.weight_hashes(d) for name, d in directories.items()}
        files.write_json(beside / MERGE, {**choice, "sources": sources})
        (beside / records.HASHES).unlink(missing_ok=True)
        (beside / "README.md").write_text(card, encoding="utf-8")


def drop_chat_template(directory: Path) -> None:
    """Take away a chat template: the model was trained to continue text."""
    for path in directory.glob("chat_template*"):
        path.unlink()
    path = directory / "tokenizer_config.json"
    if path.exists():
        content = files.read_json(path)
        files.write_json(path, {k: v for k, v in content.items() if k != "chat_template"})


def set_generation(directory: Path, generation: dict) -> None:
    """Have `generate` sample as the texts that were measured were sampled."""
    path = directory / "generation_config.json"
    content = files.read_json(path) if path.exists() else {}
    sampling = {
        "do_sample": True,
        "top_p": generation["top_p"],
        "top_k": 0,
        "max_new_tokens": generation["max_new_tokens"],
    }
    content.pop("_from_model_config", None)
    files.write_json(path, content | sampling)


def curve(table: pd.DataFrame, coordinate: str, metrics: dict[str, str], at: str) -> list[str]:
    """A Markdown table of a line's points; `metrics` is column -> title. The point `at` is bold."""
    lines = [
        f"| {' | '.join([coordinate, *metrics.values(), 'texts'])} |",
        "|---" * (len(metrics) + 2) + "|",
    ]
    for _, row in table.iterrows():
        cells = [row[coordinate]]
        for column in metrics:
            value, low, high = (row[f"{column}{end}"] for end in ("", "_low", "_high"))
            cells.append(f"{value:.3g} [{low:.3g}, {high:.3g}]")
        cells.append(row["n_texts"])
        bold = "**" if row[coordinate] == at else ""
        lines.append(f"| {' | '.join(f'{bold}{cell}{bold}' for cell in cells)} |")
    return lines


def quality(table: pd.DataFrame) -> list[str]:
    """A line for each domain that the attribute's scorer was tested in."""
    last = table.drop_duplicates("domain", keep="last")  # calibrated, if it is
    return [
        f"- on {row.domain} ({row.n} texts): AUC {row.auc:.3f} [{row.auc_low:.3f},"
        f" {row.auc_high:.3f}], expected calibration error {row.calibration_error:.3f}"
        for row in last.itertuples()
    ]


def texts(path: str) -> list[str]:
    """The first text of the first prompts, as a Markdown list."""
    rows = [row for row in files.read_jsonl(path) if row["sample_id"] == 0][:TEXTS]
    return [f"- **{row['prompt']}** {' '.join(row['text'].split())}" for row in rows]


def card(
    choice: dict,
    origins: pd.DataFrame,
    about: dict,
    line: list[str],
    report: str | None,
    scorer: list[str],
    examples: list[str],
) -> str:
    """The model card: YAML for tools, then Markdown for people."""
    point = naming.point_name(choice["point"])
    title = f"{choice['scheme']} at {point}"
    metadata = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        "license: other",
        "license_name: those-of-its-sources",
        "tags: [merge, linear-interpolation]",
        "---",
    ]
    mixture = "\n".join(
        f"| {name} | {value} | {about['checkpoints'][name]} |"
        for name, value in choice["coefficients"].items()
        if Decimal(value)
    )
    sources = "\n".join(
        f"- {row.used_for}: {row.pinned}; {row.origin}; licence: {row.licence}"
        for row in origins.itertuples()
    )
    sections = [
        f"# {title}",
        f"The weights of this model are a sum of those of others, along {about['line']} (Rofin et"
        " al. 2022, [arXiv 2211.12092](https://arxiv.org/abs/2211.12092)). It costs no more to run"
        f" than the first of them. `{MERGE}` has the coefficients and the hashes of all weights.",
        "## How it was made",
        f"| checkpoint | coefficient | what it is |\n|---|---|---|\n{mixture}",
        f"The models and texts behind them:\n\n{sources}",
        "## What was measured",
    ]
    if line:
        sections += [
            f"{about['confidence']} intervals, with the prompt as the unit, given these"
            " checkpoints. The point in bold is this model.",
            "\n".join(line),
        ]
    else:
        sections.append("Nothing was measured along this line.")
    if report:
        sections.append(f"How the point was chosen:\n\n```\n{report.rstrip()}\n```")
    if scorer:
        sections.append(
            "The scorer of the attribute, on text it had not seen:\n\n" + "\n".join(scorer)
        )
    if examples:
        sections += ["## Texts", "The first of the prompts, not chosen:\n\n" + "\n".join(examples)]
    sections += [
        "## Use",
        textwrap.dedent(
            """\
            ```python
            from transformers import AutoModelForCausalLM, AutoTokenizer

            path = "."  # this folder
            model = AutoModelForCausalLM.from_pretrained(path)
            tokenizer = AutoTokenizer.from_pretrained(path)
            # EOS stands before every text in training, too.
            text = tokenizer.eos_token + "The movie was"
            ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)
            print(tokenizer.decode(model.generate(**ids)[0], skip_special_tokens=True))
            ```"""
        ),
        "## What it is not for",
        "It was moved along one attribute as one scorer sees it, and has every fault of the models"
        " it is made of. Its texts are neither true nor safe by design: no text should reach people"
        " who may take it for a person's opinion, a review or a fact. A mean over many texts says"
        " nothing about the next one. Other prompts, languages and lengths were not measured.",
    ]
    return "\n".join(metadata) + "\n\n" + "\n\n".join(sections) + "\n"


def chosen(path: str) -> dict:
    """What `pick` chose. Raises UserError if it found nothing."""
    choice = files.read_json(path)
    if choice["point"] is None:
        raise UserError(
            f"{path}: pick found no point; see results/pick/report.txt, change `pick` in the"
            " config, or name a point with `export.point`"
        )
    return choice


if __name__ == "__main__":
    with job(snakemake):
        inputs, params = snakemake.input, snakemake.params
        choice = params.stated or chosen(inputs.choice)
        directories = dict(zip(params.names, inputs.models, strict=True))
        (coordinate, *_), at = choice["point"], naming.point_name(choice["point"])
        line, examples = [], []
        if inputs.get("table"):
            table = pd.read_csv(inputs.table[0], dtype={coordinate: str})
            table = table[table["prompts"] == table["prompts"].iloc[0]]
            line = curve(table, coordinate, params.metrics, choice["point"][coordinate])
            examples = [t for path in inputs.texts if f"/{at}/" in path for t in texts(path)]
        text = card(
            choice,
            pd.DataFrame(params.origins),
            params.about,
            line,
            Path(inputs.report).read_text(encoding="utf-8") if not params.stated else None,
            quality(pd.read_csv(inputs.classifier[0])) if inputs.get("classifier") else [],
            examples,
        )
        write(choice, directories, params.settings, text, snakemake.output.model)
