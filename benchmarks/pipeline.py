"""The default run's g1 sweep, experts given: points a minute on all cores.

Ours is the DAG from the experts to results/tables/g1.csv, next words left out, in a copy of
the run whose g1 is gone. The other is `naive.py`, one alpha after the other.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import bench
from bench import Given, timed

UNIT = "points"
OURS = "ours"


def ours(given: Given) -> dict:
    """Works on a copy of hard links beside the run, so that the run stays as it is."""
    own = given.results.resolve().parent
    if not (own / "Snakefile").exists():
        raise SystemExit(f"{given.results}: this comparison needs a run inside a clone")
    with tempfile.TemporaryDirectory(dir=own.parent) as scratch:
        copy = Path(scratch) / own.name
        subprocess.run(["cp", "-al", own, copy], check=True)
        for rewritten in (".snakemake", "results/logs", "results/benchmarks"):
            shutil.rmtree(copy / rewritten)  # written in place: a link would change the run's own
            shutil.copytree(own / rewritten, copy / rewritten)
        results = copy / "results"
        for gone in ("merged/g1", "generations/neutral/g1", "scores/neutral/g1"):
            shutil.rmtree(results / gone)
        for gone in (results / "tables").glob("g1*.csv"):
            gone.unlink()  # or Snakemake would find the sweep done
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "results/tables/g1.csv"]

        def work() -> dict:
            subprocess.run(command, cwd=copy, check=True, stdout=subprocess.DEVNULL)
            return {"amount": len(list((results / "merged" / "g1").iterdir()))}

        return timed(work)


def naive(given: Given) -> dict:
    """Two of the alphas: each takes as long as the others."""
    alphas = ["0.5"] if given.quick else ["0", "1"]
    script = str(bench.HERE / "naive.py")
    cores = str(len(os.sched_getaffinity(0)))

    def work() -> dict:
        subprocess.run([sys.executable, script, given.results, cores, *alphas], check=True)
        return {"amount": len(alphas)}

    return timed(work)


SIDES = {"ours": ours, "a script, alpha by alpha": naive}

if __name__ == "__main__":
    bench.main(SIDES)
