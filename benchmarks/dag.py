"""The time that Snakemake takes on a finished run, and to plan runs as large as the paper's.

There is no other side: these are the seconds that a user waits before the first job.
"""

import json
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import bench
from bench import Setup, timed

UNIT = "jobs"
OURS = None
_AXIS = {"from": -4, "to": 4, "step": 0.4}
#: the paper's plane, 21 x 21
PLANE = {"sweeps": {"g3": {"points": {"alpha": _AXIS, "beta": _AXIS}}}}
#: g1 in steps of .004
MANY = {"sweeps": {"g1": {"points": {"alpha": {"from": -2, "to": 3, "step": 0.004}}}}}


def _snakemake(*arguments, directory: Path) -> dict:
    snakefile = bench.HERE.parent / "Snakefile"
    command = [sys.executable, "-m", "snakemake", "-s", snakefile, "--directory", directory]

    def work() -> dict:
        done = subprocess.run([*command, *arguments], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        total = re.search(r"^total\s+(\d+)", done.stdout, re.MULTILINE)
        return {"amount": int(total[1]) if total else 0}

    return timed(work)


def again(setup: Setup) -> dict:
    run = setup.results.resolve().parent
    command = [sys.executable, "-m", "snakemake", "--cores", "all"]

    def work() -> dict:
        done = subprocess.run(command, cwd=run, capture_output=True, text=True)
        if "Nothing to be done" not in done.stdout + done.stderr:
            raise SystemExit("the run is not finished\n" + done.stdout + done.stderr)
        return {"amount": 0}

    return timed(work)


def plan(setup: Setup, config: dict) -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "config.json"
        path.write_text(json.dumps(config))
        return _snakemake("-n", "--configfile", path, directory=Path(scratch))


SIDES = {
    "the default run again": again,
    "dry run, a plane of 441 points": partial(plan, config=PLANE),
    "dry run, g1 at 1,251 points": partial(plan, config=MANY),
}

if __name__ == "__main__":
    bench.main(SIDES)
