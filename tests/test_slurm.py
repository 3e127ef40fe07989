"""The DAG on a real SLURM cluster of one node, with device files in place of its GPUs.

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
from runs import snakemake, snakemake_command, started, wait_for
from tiny_dag import TINY

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
# The node may claim more cores and memory than this machine has.
SlurmdParameters=config_overrides
# A job starts at its submission, not up to 3 s later.
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
GresTypes=gpu
NodeName={host} CPUs=64 RealMemory=400000 Gres=gpu:a100:8 State=UNKNOWN
PartitionName=gpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The folder of a running cluster of one node."""
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not path_of(name)]
    missing += ["the right to start it (root)"] if os.getuid() else []
    missing += (
        [f"a machine without a SLURM of its own ({ETC})"] if (ETC / "slurm.conf").exists() else []
    )
    if missing and "REQUIRE_SLURM" not in os.environ:
        pytest.skip(f"no SLURM to test with: this needs {', '.join(missing)}")
    assert not missing, missing
    home = Path(tmp_path_factory.mktemp("slurm"))
    host = socket.gethostname().split(".")[0]
    for name in ("state", "spool"):
        (home / name).mkdir()
    (home / "slurm.conf").write_text(CONF.format(host=host, home=home))
    for i in range(8):  # SLURM accepts any device: these are the numbers of /dev/null
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
    # The steps of jobs ignore SLURM_CONF and read the files in /etc/slurm.
    links = [ETC / name for name in ("slurm.conf", "gres.conf")]
    try:
        for link in links:
            link.symlink_to(home / link.name)
        subprocess.run([path_of("munged"), *munge], check=True)
        subprocess.run([path_of("slurmctld"), "-c"], check=True)
        subprocess.run([path_of("slurmd")], check=True)
        wait_for(lambda: "idle" in output_of("sinfo", "-h", "-o", "%t"), None, "an idle node", 60)
        yield home
    finally:
        subprocess.run(["scancel", "--user", "root"], check=False)
        for name in ("slurmd", "slurmctld", "munged"):
            with suppress(OSError, ValueError):
                process = int((home / f"{name}.pid").read_text())
                os.kill(process, signal.SIGTERM)
                entry = Path(f"/proc/{process}")
                wait_for(lambda: not entry.exists(), None, f"the end of {name}", 60)  # noqa: B023
        for link in links:
            link.unlink(missing_ok=True)


def path_of(name: str) -> str | None:
    """The path of a program; Debian keeps daemons in /usr/sbin, which is in root's PATH alone."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")


def output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout


#: the profile for users, on a cluster without accounts and with shorter waits
PROFILE = ("--profile", str(ROOT / "profiles" / "slurm"), "--slurm-no-account")
PROFILE += ("--slurm-status-command", "squeue", "--latency-wait", "5")
PROFILE += ("--slurm-init-seconds-before-status-checks", "1")
# The other scheduler starts a solver each time that jobs become ready.
PROFILE += ("--scheduler", "greedy")
CONFIGS = [ROOT / "tests" / "tiny.yaml", ROOT / "tests" / "slurm.yaml"]


def jobs_of(folder: Path) -> list[dict[str, str]]:
    """SLURM's record of each job that was submitted from a folder, in the order of their ids."""
    records = []
    for line in output_of("scontrol", "show", "job", "--oneliner").splitlines():
        record = dict(re.findall(r"(\S+?)=(\S*)", line))
        if record.get("WorkDir") == str(folder):
            records.append(record)
    return sorted(records, key=lambda record: int(record["JobId"]))


def request_of(job: dict[str, str]) -> dict[str, int]:
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
    """Rule -> the resources that rules and config request for its jobs, from a dry run."""
    run = snakemake(folder, "-n", "--quiet", "host", "--cores", "64", configfile=CONFIGS)
    assert run.returncode == 0, run.stdout + run.stderr
    plan = {}
    for rule, body in re.findall(r"^rule (\w+):\n((?: .*\n)+)", run.stdout + run.stderr, re.M):
        resources = dict(re.findall(r"\b(mem_mb|runtime|gpu)=(\d+)", body))
        threads = re.search(r"threads: (\d+)", body)
        plan[rule] = {"gpu": 0, "threads": int(threads[1]) if threads else 1}
        plan[rule] |= {key: int(value) for key, value in resources.items()}
    return plan


@pytest.fixture(scope="module")
def done(folder, planned):
    """SLURM's records of the jobs of the complete DAG, run on the CPU in place of GPUs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCELERATE_USE_CPU", "true")
        run = snakemake_command(folder, *PROFILE, configfile=CONFIGS)
    assert run.returncode == 0, run.stdout + run.stderr
    return jobs_of(folder)


def test_the_dag_completes_with_all_figures(done, folder, planned):
    for number in range(3, 12):
        assert (folder / f"results/figures/fig{number}.png").exists()
    run = snakemake(folder, "-n", configfile=CONFIGS)
    assert "Nothing to be done" in run.stdout + run.stderr
    assert {(job["JobState"], job["Partition"]) for job in done} == {("COMPLETED", "gpu")}


def rule_of(job: dict[str, str]) -> str:
    """The rule or group that a job's comment names."""
    return re.match(r"rule_(\w+?)(?:_wildcards_.*|\.\.\.)?$", job["Comment"])[1]


def test_each_job_requests_the_resources_of_the_rules_and_the_config(done, planned):
    single = {
        rule_of(job): request_of(job) for job in done if not rule_of(job).startswith("point_")
    }
    assert len(single) > 15
    assert single == {rule: planned[rule] for rule in single}
    assert single["candidate"] == {"mem_mb": 5000, "runtime": 480, "gpu": 1, "threads": 1}
    assert single["pretrain"] == {"mem_mb": 48000, "runtime": 480, "gpu": 8, "threads": 32}
    assert single["sweep_table"]["gpu"] == single["convert"]["gpu"] == 0
    assert not {"fig3", "examples"} & set(single), "what takes a second runs beside Snakemake"


def test_a_point_is_one_job_with_one_gpu(done, planned):
    """The rules of a point run in turn in one job, which requests the sum of their times.

    The losses of a line need none of its texts, so they are a second job.
    """
    groups = [request_of(job) for job in done if rule_of(job).startswith("point_")]
    losses = [job for job in groups if job == planned["line_losses"]]
    assert len(losses) == 3, "two lines of the plane, a pair"
    points = [job for job in groups if job not in losses]
    assert len(points) == 7, "two points of g1, one of g2, an ensemble, two lines, a pair"
    rules = {rule_of(job) for job in done}
    assert not rules & {"merge", "generate", "ensemble", "classify", "losses"}
    assert not rules & {"generate_line", "line_losses"}
    for job in points:
        assert job["gpu"] == 1
        assert job["mem_mb"] >= planned["perplexity"]["mem_mb"]
        assert job["runtime"] >= planned["generate"]["runtime"] + planned["perplexity"]["runtime"]


def devices_in_logs(folder: Path) -> dict[Path, str]:
    """Log -> the device that it names, of all logs that name one."""
    out = {}
    for log in (folder / "results" / "logs").rglob("*.log"):
        if line := re.search(r"device: (.*)", log.read_text()):
            out[log] = line[1]
    return out


def test_a_job_sees_one_gpu_and_names_it_in_its_log(done, folder):
    devices = devices_in_logs(folder)
    numbers = {
        re.search(r"CUDA_VISIBLE_DEVICES=(\d)\)", device)[1]
        for log, device in devices.items()
        if {"generate", "generate_line"} & set(log.parts)
    }
    assert len(numbers) > 1, "points ran at the same time"
    (pretraining,) = (device for log, device in devices.items() if "pretrain" in log.parts)
    assert pretraining == "CPU (CUDA_VISIBLE_DEVICES=0,1,2,3,4,5,6,7)"
    (test_device,) = (device for log, device in devices.items() if "test_classifier" in log.parts)
    assert test_device == "CPU", "a job that requests no GPU sees none"


def test_pretraining_on_eight_gpus_launches_eight_processes(done, folder):
    log = (folder / "results/logs/pretrain/films_1.log").read_text()
    assert "ACCELERATE_USE_CPU is set: the CPU takes the place of 8 GPUs" in log
    assert re.search(r"accelerate.commands.launch .*--num_processes 8 --multi_gpu", log)
    settings = yaml.safe_load((folder / "results/checkpoints/films_1.settings.json").read_text())
    assert settings["processes"] == 8 and settings["effective_batch"] == 8


CANDIDATE = "lr=0.01_batch=8_steps=120"
#: texts at one point, generated two at a time
SAMPLES = 600


@pytest.fixture
def long(done, folder, tmp_path) -> Path:
    """A folder with a training and a generation that run long enough to be killed.

    The base model, the data and the prompts are those of the complete run, with its metadata.
    """
    for name in ("inputs", "results/checkpoints/base", "results/data", "results/prompts"):
        shutil.copytree(folder / name, tmp_path / name, copy_function=shutil.copy2)
    metadata = Path(".snakemake", "metadata")
    shutil.copytree(folder / metadata, tmp_path / metadata, copy_function=shutil.copy2)
    change = {
        "save_minutes": 0,
        "finetuning": {"learning_rate": [1.0e-2], "steps": [120]},
        "sweeps": {"g1": {"samples": SAMPLES}},
        "generation": {"max_rows": 2, "samples_per_file": SAMPLES},
    }
    (tmp_path / "long.yaml").write_text(yaml.safe_dump(laid_over(TINY, change)))
    return tmp_path


def kill_the_step_of(rule: str, folder: Path, process, condition) -> dict[str, str]:
    """Kill the step of a running job once `condition()` is true, as a failing node would.

    Returns SLURM's record of the job.
    """
    wait_for(condition, process, f"{rule} at work")
    (job,) = (j for j in jobs_of(folder) if j["JobState"] == "RUNNING" and rule in j["Comment"])
    steps = re.findall(rf"^ *({job['JobId']}\.\d+) ", output_of("squeue", "--steps"), re.M)
    subprocess.run(["scancel", "--signal=KILL", steps[-1]], check=True)
    return job


def test_a_killed_job_is_named_and_resumed_or_tried_again(long):
    """The error names the log of the killed job, and the same command resumes its training.

    With retries left, the running command submits it again with twice the memory and time.
    """
    samples = f"0-{SAMPLES - 1}"
    target = f"results/generations/neutral/g1/alpha=0.500/samples={samples}.jsonl"
    logs = long / "results" / "logs"
    config = {"configfile": long / "long.yaml"}

    def trains() -> bool:
        states = (long / "results" / "unfinished").glob("candidate-positive-*/*/step=*[1-9]0")
        return any(states)

    with started(long, target, *PROFILE, "--retries", "0", **config) as process:
        job = kill_the_step_of("candidate_wildcards_positive", long, process, trains)
        assert process.wait(120) != 0
    output = (long / "run.log").read_text()
    assert re.findall(r"^FAILED .*", output, re.M) == [f"FAILED candidate positive {CANDIDATE}"]
    assert f"its log, results/logs/candidate/positive/{CANDIDATE}.log, ends:" in output
    assert "the job was killed" in output and f"/{job['JobId']}.log" in output
    (long / "run.log").unlink()

    def generates() -> bool:
        log = logs / f"generate/neutral/g1/alpha=0.500/{samples}.log"
        return log.exists() and "device:" in log.read_text()

    with started(long, target, *PROFILE, "--retries", "1", **config) as process:
        job = kill_the_step_of("point", long, process, generates)
        assert process.wait(300) == 0, (long / "run.log").read_text()
    assert "resuming from step" in (logs / f"candidate/positive/{CANDIDATE}.log").read_text()
    output = (long / "run.log").read_text()
    failed = f"FAILED generate neutral g1 alpha=0.500 {samples}"
    assert re.findall(r"^FAILED .*", output, re.M) == [failed]
    assert f"/{job['JobId']}.log" in output
    assert (long / target).exists()
    first, second = request_of(job), request_of(jobs_of(long)[-1])
    assert second["mem_mb"] == 2 * first["mem_mb"] and second["runtime"] == 2 * first["runtime"]
