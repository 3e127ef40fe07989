"""The default run's g1 sweep from finished experts: points a minute on all cores.

Ours is the DAG from the experts to results/tables/g1.csv, without next words, in a copy of the
run from which the results of g1 are removed. The other side is `naive.py`, one alpha at a time.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import bench
from bench import Setup, timed

UNIT = "points"
OURS = "ours"


def ours(setup: Setup) -> dict:
    """Works on a hard-linked copy beside the run, so the run itself does not change."""
    run = setup.results.resolve().parent
    if not (run / "Snakefile").exists():
        raise SystemExit(f"{setup.results}: this comparison needs a run inside a clone")
    with tempfile.TemporaryDirectory(dir=run.parent) as scratch:
        copy = Path(scratch) / run.name
        subprocess.run(["cp", "-al", run, copy], check=True)
        for rewritten in (".snakemake", "results/logs", "results/benchmarks"):
            shutil.rmtree(copy / rewritten)  # written in place: a link would change the run's files
            shutil.copytree(run / rewritten, copy / rewritten)
        results = copy / "results"
        for folder in ("merged/g1", "generations/neutral/g1", "scores/neutral/g1"):
            shutil.rmtree(results / folder)
        for table in (results / "tables").glob("g1*.csv"):
            table.unlink()  # otherwise Snakemake finds nothing to do
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "results/tables/g1.csv"]

        def work() -> dict:
            subprocess.run(command, cwd=copy, check=True, stdout=subprocess.DEVNULL)
            return {"amount": len(list((results / "merged" / "g1").iterdir()))}

        return timed(work)


def naive(setup: Setup) -> dict:
    """Two of the alphas only: all take the same time."""
    alphas = ["0.5"] if setup.quick else ["0", "1"]
    script = str(bench.HERE / "naive.py")
    cores = str(len(os.sched_getaffinity(0)))

    def work() -> dict:
        subprocess.run([sys.executable, script, setup.results, cores, *alphas], check=True)
        return {"amount": len(alphas)}

    return timed(work)


SIDES = {"ours": ours, "a script, alpha by alpha": naive}

if __name__ == "__main__":
    bench.main(SIDES)
