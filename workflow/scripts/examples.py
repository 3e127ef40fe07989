"""A page of texts: the same prompts and random numbers at every point of a line."""

from paramlerp import files
from paramlerp.runtime import job

#: prompts shown of each set
SHOWN = 20


def main(points: list[dict], texts: list[str], scheme: str) -> str:
    """Markdown: under each prompt, its first sample at every alpha."""
    read = [files.read_jsonl(path) for path in texts]
    lines = [
        f"# Texts along {scheme}",
        "",
        "The first sample of each prompt, with the same random numbers at every alpha.",
        "`|` marks where the text ended by itself; without it, it was cut.",
    ]
    for prompts in dict.fromkeys(p["prompts"] for p in points):
        own = [
            (p["alpha"], [r for r in rows if r["sample_id"] == 0][:SHOWN])
            for p, rows in zip(points, read, strict=True)
            if p["prompts"] == prompts
        ]
        lines += ["", f"## {prompts} prompts"]
        for place, first in enumerate(own[0][1]):
            lines += ["", f"**{first['prompt']}**", ""]
            for alpha, rows in own:
                text = " ".join(rows[place]["text"].split())
                end = " `|`" if rows[place]["ended"] else ""
                lines.append(f"- `{alpha:>6}` {text}{end}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with job(snakemake):
        page = main(snakemake.params.points, snakemake.input.texts, snakemake.wildcards.scheme)
        files.write_text(snakemake.output.page, page)
