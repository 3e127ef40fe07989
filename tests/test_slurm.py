"""The DAG through a real SLURM of one node, with stand-ins for its GPUs.

Skipped where SLURM is not installed (Debian: slurmctld slurmd slurm-client munge), unless
REQUIRE_SLURM is set.
"""

import os
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, laid_over, make_inputs
from runs import snakemake_command, started, wait_for

ETC = Path("/etc/slurm")
CONF = """
ClusterName=test
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={home}/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MinJobAge=3600
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd.log
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool
# The node is said to be larger than this machine.
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={host} CPUs=64 RealMemory=400000 Gres=gpu:a100:8 State=UNKNOWN
PartitionName=gpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A running one-node cluster."""
    lacking = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not _which(name)]
    lacking += ["the right to start it (root)"] if os.getuid() else []
    lacking += (
        [f"a machine without a SLURM of its own ({ETC})"] if (ETC / "slurm.conf").exists() else []
    )
    if lacking and "REQUIRE_SLURM" not in os.environ:
        pytest.skip(f"no SLURM to test with: this needs {', '.join(lacking)}")
    assert not lacking, lacking
    home = Path(tmp_path_factory.mktemp("slurm"))
    host = socket.gethostname().split(".")[0]
    for name in ("state", "spool"):
        (home / name).mkdir()
    (home / "slurm.conf").write_text(CONF.format(host=host, home=home))
    for i in range(8):  # of the kind of /dev/null
        os.mknod(home / f"gpu{i}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (home / "gres.conf").write_text(f"Name=gpu Type=a100 File={home}/gpu[0-7]\n")
    key = home / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    munge = [
        f"--{n}={home}/munged.{n.split('-')[0]}" for n in ("pid-file", "log-file", "seed-file")
    ]
    munge += [f"--key-file={key}", f"--socket={home}/munge.socket", "--force"]
    ETC.mkdir(exist_ok=True)
    # The steps of jobs look for it there, whatever the environment says.
    links = [ETC / name for name in ("slurm.conf", "gres.conf")]
    try:
        for link in links:
            link.symlink_to(home / link.name)
        subprocess.run([_which("munged"), *munge], check=True)
        subprocess.run([_which("slurmctld"), "-c"], check=True)
        subprocess.run([_which("slurmd")], check=True)
        wait_for(lambda: "idle" in _said("sinfo", "-h", "-o", "%t"), None, "an idle node", 60)
        yield home
    finally:
        subprocess.run(["scancel", "--user", "root"], check=False)
        for name in ("slurmd", "slurmctld", "munged"):
            with suppress(OSError, ValueError):
                process = int((home / f"{name}.pid").read_text())
                os.kill(process, signal.SIGTERM)
                gone = Path(f"/proc/{process}")
                wait_for(lambda: not gone.exists(), None, f"the end of {name}", 60)  # noqa: B023
        for link in links:
            link.unlink(missing_ok=True)


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout


#: the profile that users have; the rest is for a cluster without accounts, and in a hurry
PROFILE = ("--profile", str(ROOT / "profiles" / "slurm"), "--slurm-no-account")
PROFILE += ("--slurm-status-command", "squeue", "--latency-wait", "5")
PROFILE += ("--slurm-init-seconds-before-status-checks", "1")
CONFIGS = [ROOT / "tests" / "tiny.yaml", ROOT / "tests" / "slurm.yaml"]


def jobs_of(folder: Path) -> list[dict[str, str]]:
    """What SLURM was asked for in a folder: a job a row, in the order of their ids."""
    rows = []
    for line in _said("scontrol", "show", "job", "--oneliner").splitlines():
        row = dict(re.findall(r"(\S+?)=(\S*)", line))
        if row.get("WorkDir") == str(folder):
            rows.append(row)
    return sorted(rows, key=lambda row: int(row["JobId"]))


def asked(job: dict[str, str]) -> dict[str, int]:
    """Megabytes, minutes, GPUs and cores of a job."""
    days, _, clock = job["TimeLimit"].rpartition("-")
    hours, minutes, _ = map(int, clock.split(":"))
    tres = dict(pair.split("=") for pair in job["TRES"].split(","))
    size = {"M": 1, "G": 1024}[tres["mem"][-1]] * float(tres["mem"][:-1])
    return {
        "mem_mb": int(size),
        "runtime": (int(days or 0) * 24 + hours) * 60 + minutes,
        "gpu": int(job.get("TresPerJob", "gpu:0").rpartition(":")[2]),
        "threads": int(tres["cpu"]),
    }


@pytest.fixture(scope="module")
def folder(cluster, tmp_path_factory, tokenizer) -> Path:
    folder = tmp_path_factory.mktemp("run")
    make_inputs(folder / "inputs", tokenizer)
    return folder


@pytest.fixture(scope="module")
def planned(folder) -> dict[str, dict[str, int]]:
    """What the rules and the config say that a rule's jobs need, from a dry run."""
    run = snakemake_command(folder, "-n", "--quiet", "host", "--cores", "64", configfile=CONFIGS)
    assert run.returncode == 0, run.stdout + run.stderr
    plan = {}
    for rule, body in re.findall(r"^rule (\w+):\n((?: .*\n)+)", run.stdout + run.stderr, re.M):
        own = dict(re.findall(r"\b(mem_mb|runtime|gpu)=(\d+)", body))
        threads = re.search(r"threads: (\d+)", body)
        plan[rule] = {"gpu": 0, "threads": int(threads[1]) if threads else 1}
        plan[rule] |= {key: int(value) for key, value in own.items()}
    return plan


@pytest.fixture(scope="module")
def done(folder, planned):
    """The whole DAG, to its end; the CPU takes the GPUs' place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCELERATE_USE_CPU", "true")
        run = snakemake_command(folder, *PROFILE, configfile=CONFIGS)
    assert run.returncode == 0, run.stdout + run.stderr
    return jobs_of(folder)


def test_the_last_figure_is_there(done, folder, planned):
    for number in range(3, 12):
        assert (folder / f"results/figures/fig{number}.png").exists()
    run = snakemake_command(folder, "-n", configfile=CONFIGS)
    assert "Nothing to be done" in run.stdout + run.stderr
    assert {(job["JobState"], job["Partition"]) for job in done} == {("COMPLETED", "gpu")}


def rule_of(job: dict[str, str]) -> str:
    return re.match(r"rule_(\w+?)(?:_wildcards_.*|\.\.\.)?$", job["Comment"])[1]


def test_each_rule_asked_for_what_the_config_and_the_rules_say(done, planned):
    alone = {rule_of(job): asked(job) for job in done if not rule_of(job).startswith("point_")}
    assert len(alone) > 20 and all(own == planned[rule] for rule, own in alone.items()), [
        (rule, own, planned[rule]) for rule, own in alone.items() if own != planned[rule]
    ]
    assert alone["candidate"] == {"mem_mb": 5000, "runtime": 480, "gpu": 1, "threads": 1}
    assert alone["pretrain"] == {"mem_mb": 48000, "runtime": 480, "gpu": 8, "threads": 32}
    assert alone["fig3"]["gpu"] == alone["convert"]["gpu"] == 0


def test_a_point_is_one_job_with_one_gpu(done, planned):
    """Its rules are no jobs of their own; they take turns, and the time is their sum. The losses
    of a row, which need none of its texts, are a job beside them."""
    groups = [asked(job) for job in done if rule_of(job).startswith("point_")]
    losses = [job for job in groups if job == planned["line_losses"]]
    # two rows of the lattice, a pair
    assert len(losses) == 2 + 1
    points = [job for job in groups if job not in losses]
    # two points each of g1 and g2, an ensemble, two rows of the lattice, a pair
    assert len(points) == 2 + 2 + 1 + 2 + 1
    rules = {rule_of(job) for job in done}
    grouped = "merge generate ensemble generate_line line_losses classify losses"
    assert not rules & set(grouped.split())
    for job in points:
        assert job["gpu"] == 1
        assert job["mem_mb"] >= planned["perplexity"]["mem_mb"]
        most = planned["generate"]["runtime"] + planned["perplexity"]["runtime"]
        assert job["runtime"] >= most


def device_lines(folder: Path) -> dict[Path, str]:
    out = {}
    for log in (folder / "results" / "logs").rglob("*.log"):
        if found := re.search(r"device: (.*)", log.read_text()):
            out[log] = found[1]
    return out


def test_a_job_sees_one_gpu_and_its_log_says_which(done, folder):
    lines = device_lines(folder)
    seen = {
        re.search(r"CUDA_VISIBLE_DEVICES=(\d)\)", line)[1]
        for log, line in lines.items()
        if {"generate", "generate_line"} & set(log.parts)
    }
    assert len(seen) > 1, "points ran side by side"
    (line,) = (line for log, line in lines.items() if "pretrain" in log.parts)
    assert line == "CPU (CUDA_VISIBLE_DEVICES=0,1,2,3,4,5,6,7)"
    (line,) = (line for log, line in lines.items() if "test_classifier" in log.parts)
    assert line == "CPU", "what asked for no GPU has none"


def test_eight_processes_are_launched_for_eight_gpus(done, folder):
    log = (folder / "results/logs/pretrain/films_1.log").read_text()
    assert "ACCELERATE_USE_CPU is set: the CPU takes the place of 8 GPUs" in log
    assert re.search(r"accelerate.commands.launch .*--num_processes 8 --multi_gpu", log)
    used = yaml.safe_load((folder / "results/checkpoints/films_1.settings.json").read_text())
    assert used["processes"] == 8 and used["effective_batch"] == 8


@pytest.fixture
def long(cluster, tmp_path, tokenizer) -> Path:
    """A folder with a training and a generation that take their time."""
    make_inputs(tmp_path / "inputs", tokenizer)
    own = yaml.safe_load((ROOT / "tests/tiny.yaml").read_text())
    change = {
        "save_minutes": 0,
        "finetuning": {"learning_rate": [1.0e-2], "steps": [300]},
        "sweeps": {"g1": {"samples": 3000}},
        "generation": {"max_rows": 2, "samples_per_file": 3000},
    }
    (tmp_path / "long.yaml").write_text(yaml.safe_dump(laid_over(own, change)))
    return tmp_path


def kill_the_step_of(rule: str, folder: Path, process, met) -> dict[str, str]:
    """Kill what a job runs, as a node that dies would, once `met()` is true; the job."""
    wait_for(met, process, f"{rule} at work")
    (job,) = (j for j in jobs_of(folder) if j["JobState"] == "RUNNING" and rule in j["Comment"])
    steps = re.findall(rf"^ *({job['JobId']}\.\d+) ", _said("squeue", "--steps"), re.M)
    subprocess.run(["scancel", "--signal=KILL", steps[-1]], check=True)
    return job


def test_jobs_whose_step_is_killed(long):
    """The error names the log of what was at work; the same command goes on from there; and what
    is killed while there are tries left is tried again with more, by itself."""
    setting = "lr=0.01_batch=8_steps=300"
    target = "results/scores/neutral/g1/sentiment/alpha=0.500/samples=0-2999.csv"
    logs = long / "results" / "logs"
    own = {"configfile": long / "long.yaml"}

    def trains() -> bool:
        held = long / "results" / "unfinished"
        return bool(list(held.glob("candidate-positive-*/*/step=*[1-9]0")))

    with started(long, target, *PROFILE, "--retries", "0", **own) as process:
        job = kill_the_step_of("candidate_wildcards_positive", long, process, trains)
        assert process.wait(120) != 0
    told = (long / "run.log").read_text()
    assert re.findall(r"^FAILED .*", told, re.M) == [f"FAILED candidate positive {setting}"]
    assert f"its log, results/logs/candidate/positive/{setting}.log, ends:" in told
    assert "the job was killed" in told and f"/{job['JobId']}.log" in told
    (long / "run.log").unlink()

    def generates() -> bool:
        log = logs / "generate/neutral/g1/alpha=0.500/0-2999.log"
        return log.exists() and "device:" in log.read_text()

    with started(long, target, *PROFILE, "--retries", "1", **own) as process:
        job = kill_the_step_of("point", long, process, generates)
        assert process.wait(300) == 0, (long / "run.log").read_text()
    assert "resuming from step" in (logs / f"candidate/positive/{setting}.log").read_text()
    told = (long / "run.log").read_text()
    failed = "FAILED generate neutral g1 alpha=0.500 0-2999"
    assert re.findall(r"^FAILED .*", told, re.M) == [failed]
    assert f"/{job['JobId']}.log" in told
    assert (long / target).exists()
    first, again = asked(job), asked(jobs_of(long)[-1])
    assert again["mem_mb"] == 2 * first["mem_mb"] and again["runtime"] == 2 * first["runtime"]
