"""What the jobs of a folder took: the table at the end of a run, from Snakemake's benchmarks."""

import csv
from collections import defaultdict
from pathlib import Path

from ..jobs import files

BENCHMARKS = Path("results/benchmarks")


def stages() -> list[dict]:
    """Seconds and memory of each rule's jobs when they last ran, the slowest rule first.

    `memory_mb` is the largest resident set of a job. `unique_mb` is the part of it that no
    other process shares. Files that only this job has mapped count in both.
    """
    jobs: dict[str, list[dict[str, float]]] = defaultdict(list)
    for path in sorted(BENCHMARKS.rglob("*.tsv")):
        stage = path.relative_to(BENCHMARKS).parts[0].removesuffix(".tsv")
        jobs[stage] += _read(path)
    rows = [
        {
            "stage": stage,
            "jobs": len(measured),
            "seconds": sum(job["s"] for job in measured),
            "longest": max(job["s"] for job in measured),
            "memory_mb": max(job["max_rss"] for job in measured),
            "unique_mb": max(job["max_uss"] for job in measured),
        }
        for stage, measured in jobs.items()
        if measured
    ]
    return sorted(rows, key=lambda row: -row["seconds"])


def _read(path: Path) -> list[dict[str, float]]:
    """The last row of a benchmark file, or nothing.

    Snakemake writes these files in place, so a killed run can leave an empty one. A job that
    was too short to be measured has no memory.
    """
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [{key: _number(row[key]) for key in ("s", "max_rss", "max_uss")} for row in rows[-1:]]


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def write_stages(rows: list[dict]) -> None:
    """Write `stages` as CSV, beside the benchmarks it comes from."""
    files.write_rows(BENCHMARKS / "stages.csv", rows)


def stage_table(rows: list[dict]) -> str:
    """`stages` as lines of text with aligned columns."""
    head = f"{'stage':<18}{'jobs':>6}{'seconds':>10}{'longest':>10}{'memory MB':>12}{'unique':>10}"
    lines = [
        f"{r['stage']:<18}{r['jobs']:>6}{r['seconds']:>10.0f}{r['longest']:>10.0f}"
        f"{r['memory_mb']:>12.0f}{r['unique_mb']:>10.0f}"
        for r in rows
    ]
    return "\n".join([head, *lines])
