"""A page of texts to read: the same prompts and random numbers at every point of a line."""

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job

#: prompts shown of each set
PROMPTS_SHOWN = 20


def first_samples(path: str) -> list[dict]:
    """The first sample of each of the first prompts, from a sample file."""
    samples = [row for row in files.read_jsonl(path) if row["sample_id"] == 0]
    return samples[:PROMPTS_SHOWN]


def main(keys: list[dict], coordinate: str, texts: list[str], sweep: str) -> str:
    """Markdown: for each line and prompt, the first sample at every point of the line.

    `keys` name the measurements, `texts` has the sample file of each.
    """
    page = [
        f"# Texts along {sweep}",
        "",
        f"The first sample of each prompt, with the same random numbers at every {coordinate}.",
        "`|` marks where the text ended by itself; without it, it was cut.",
    ]
    lines: dict[tuple[str, ...], list[tuple[str, list[dict]]]] = {}
    for key, path in zip(keys, texts, strict=True):
        line = tuple(value for name, value in key.items() if name != coordinate)
        lines.setdefault(line, []).append((key[coordinate], first_samples(path)))
    for (prompts, *scheme), points in lines.items():
        page += ["", f"## {', '.join([f'{prompts} prompts', *scheme])}"]
        _, first_point = points[0]
        for index, sample in enumerate(first_point):
            page += ["", f"**{sample['prompt']}**", ""]
            for value, samples in points:
                text = " ".join(samples[index]["text"].split())
                end = " `|`" if samples[index]["ended"] else ""
                page.append(f"- `{value:>6}` {text}{end}")
    return "\n".join(page) + "\n"


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        page = main(
            params.measurements, params.coordinate, snakemake.input.texts, snakemake.wildcards.sweep
        )
        files.write_text(snakemake.output.page, page)
