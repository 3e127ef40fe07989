"""A page of texts: the same prompts and random numbers at every point of a line."""

from paramlerp import files
from paramlerp.runtime import job

#: prompts shown of each set
SHOWN = 20


def firsts(path: str) -> list[dict]:
    """The first sample of the first prompts."""
    return [row for row in files.read_jsonl(path) if row["sample_id"] == 0][:SHOWN]


def main(stops: list[dict], texts: list[str], sweep: str) -> str:
    """Markdown: under each prompt, its first sample at every alpha."""
    read = [firsts(path) for path in texts]
    lines = [
        f"# Texts along {sweep}",
        "",
        "The first sample of each prompt, with the same random numbers at every alpha.",
        "`|` marks where the text ended by itself; without it, it was cut.",
    ]
    for prompts, truncated in dict.fromkeys((s["prompts"], s.get("truncated")) for s in stops):
        own = [
            (s["alpha"], rows)
            for s, rows in zip(stops, read, strict=True)
            if (s["prompts"], s.get("truncated")) == (prompts, truncated)
        ]
        lines += ["", f"## {prompts} prompts{', truncated' if truncated else ''}"]
        for place, first in enumerate(own[0][1]):
            lines += ["", f"**{first['prompt']}**", ""]
            for alpha, rows in own:
                text = " ".join(rows[place]["text"].split())
                end = " `|`" if rows[place]["ended"] else ""
                lines.append(f"- `{alpha:>6}` {text}{end}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with job(snakemake):
        page = main(snakemake.params.stops, snakemake.input.texts, snakemake.wildcards.sweep)
        files.write_text(snakemake.output.page, page)
