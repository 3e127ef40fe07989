"""A page of texts: the same prompts and random numbers at every point of a line."""

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job

#: prompts shown of each set
SHOWN = 20


def firsts(path: str) -> list[dict]:
    """The first sample of the first prompts."""
    return [row for row in files.read_jsonl(path) if row["sample_id"] == 0][:SHOWN]


def main(places: list[dict], coordinate: str, texts: list[str], sweep: str) -> str:
    """Markdown: under each prompt, its first sample at every point; a file of texts a place."""
    lines = [
        f"# Texts along {sweep}",
        "",
        f"The first sample of each prompt, with the same random numbers at every {coordinate}.",
        "`|` marks where the text ended by itself; without it, it was cut.",
    ]
    walks: dict[tuple[str, ...], list[tuple[str, list[dict]]]] = {}
    for place, path in zip(places, texts, strict=True):
        line = tuple(value for key, value in place.items() if key != coordinate)
        walks.setdefault(line, []).append((place[coordinate], firsts(path)))
    for (prompts, *scheme), own in walks.items():
        lines += ["", f"## {', '.join([f'{prompts} prompts', *scheme])}"]
        for index, first in enumerate(own[0][1]):
            lines += ["", f"**{first['prompt']}**", ""]
            for value, rows in own:
                text = " ".join(rows[index]["text"].split())
                end = " `|`" if rows[index]["ended"] else ""
                lines.append(f"- `{value:>6}` {text}{end}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        page = main(
            params.places, params.coordinate, snakemake.input.texts, snakemake.wildcards.sweep
        )
        files.write_text(snakemake.output.page, page)
