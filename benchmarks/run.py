"""Compare the workflow's speed with that of the common alternatives, side by side.

    python benchmarks/run.py [NAME ...] [--quick] [--rounds 3] [--results results]

Each side runs in a separate process, in turn, round after round, on the model, texts and
experts of a finished default run. Each comparison writes benchmarks/results/NAME.csv, a row per
side: its rate (median over rounds), and how many times as fast our side is (median, minimum
and maximum over rounds).
"""

import argparse
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import bench

NAMES = ["decoding", "ensemble", "scoring", "finetuning", "merging", "pipeline", "dag"]
LIBRARIES = ["torch", "transformers", "accelerate", "snakemake", "numpy"]


def measure(name: str, side: str, case: str, results: Path, quick: bool) -> dict:
    """The figures that one side prints. Exits with its output if it fails."""
    command = [sys.executable, str(bench.HERE / f"{name}.py"), side, str(results), case]
    process = subprocess.run([*command, *(["--quick"] if quick else [])], capture_output=True)
    if process.returncode:
        sys.exit(f"{name}, {side}: failed\n{process.stdout.decode()}{process.stderr.decode()}")
    return json.loads(process.stdout.decode().splitlines()[-1])


def table(rounds: list[dict[str, dict]], ours: str | None) -> list[dict]:
    """A row per side of `rounds` (each side -> figures): rate, and the ratio of our speed to it."""
    rows = []
    for side in rounds[0]:
        measured = [figures[side] for figures in rounds]
        row = {"side": side, "seconds": statistics.median(f["seconds"] for f in measured)}
        if all(f["amount"] for f in measured):
            row["rate"] = statistics.median(f["amount"] / f["seconds"] for f in measured)
        if ours:
            ratios = [speed(figures[ours]) / speed(figures[side]) for figures in rounds]
            row["ours_is_times_as_fast"] = statistics.median(ratios)
            row |= {"least": min(ratios), "most": max(ratios)}
        for name in measured[0].keys() - {"seconds"}:
            row[name] = statistics.median(f[name] for f in measured)
        rows.append(row)
    return rows


def speed(figures: dict) -> float:
    return figures["amount"] / figures["seconds"]


def machine() -> dict[str, str]:
    """The machine and the library versions of a measurement."""
    cpu = platform.processor()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
    cores = len(os.sched_getaffinity(0))
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return {"machine": f"{cpu}, {cores} cores", "versions": libraries}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="a minute each: less work, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, default=bench.HERE / "results")
    a = parser.parse_args()
    if unknown := set(a.names) - set(NAMES):
        parser.error(f"{unknown.pop()}: no such comparison; there are {', '.join(NAMES)}")
    if not (a.results / "tables" / "g1.csv").exists():
        parser.error(f"{a.results}: no finished run; `snakemake --cores all` makes one")
    import pandas as pd

    a.out.mkdir(parents=True, exist_ok=True)
    for name in a.names or NAMES:
        module = importlib.import_module(name)
        rows = []
        for case in getattr(module, "CASES", [""]):
            rounds = []
            for number in range(1 if a.quick else a.rounds):
                rounds.append({})
                for side in module.SIDES:
                    figures = measure(name, side, case, a.results, a.quick)
                    rounds[-1][side] = figures
                    print(f"{name} {case} round {number + 1}: {side}: {figures}", flush=True)
            labels = {"case": case} if case else {}
            rows += [{**labels, **row} for row in table(rounds, module.OURS)]
        frame = pd.DataFrame(rows).assign(unit=module.UNIT, rounds=len(rounds), **machine())
        frame.to_csv(a.out / f"{name}.csv", index=False, float_format="%.4g")
        print(f"\n{module.__doc__.strip()}\n\n{frame.drop(columns=list(machine())).to_string()}\n")


if __name__ == "__main__":
    main()
