"""Fetching by name and hash, unpacking, and conversion to safetensors."""

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
    """A folder that pip takes for its index, with one wheel that holds an archive."""
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
    known = {"name": "carrier", "version": "1.0", "sha256": files.sha256(wheel)}
    sources.fetch_package(target, extract=extract, **known | changes)


def test_a_file_inside_an_archive_inside_a_package(index, tmp_path):
    fetch(index, tmp_path / "out", ["carrier/inner.tar.gz", "data/texts.txt"])
    assert (tmp_path / "out" / "texts.txt").read_text() == "some text"


def test_all_files_of_a_folder_keep_their_places(index, tmp_path):
    fetch(index, tmp_path / "out", ["carrier/model/*"])
    found = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.json")}
    assert found == {"a.json", "deep/b.json"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "carrier==1.0: no file of it has sha256 0000"),
        ({"version": "9.9"}, "carrier==9.9: "),
        ({"name": "nobody-has-this"}, "nobody-has-this==1.0: "),
    ],
)
def test_wrong_name_version_or_hash(index, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        fetch(index, tmp_path / "out", ["carrier/model/*"], **changes)
    assert not (tmp_path / "out").exists()


def test_a_member_that_is_not_there(index, tmp_path):
    with pytest.raises(UserError, match="nothing that matches 'carrier/other'"):
        fetch(index, tmp_path / "out", ["carrier/other"])


#: the main process starts a job, which is offline until it reads a hub's source
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
    """`prepare` sets HF_HUB_OFFLINE in two processes, and remembers the user's own value of it."""
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
    """Offline, as in every test here; nothing is retried."""
    own = {"dataset": False, "stream": False, "record": tmp_path / "record.json"}
    with pytest.raises(UserError, match=r"hub repository no/such.*kind: path"):
        sources.fetch_hub(tmp_path / "out", id="no/such", revision=None, **own)


WEIGHTS = {"model.safetensors": b"x", "pytorch_model.bin": b"x"}
OLD, NEW = "a" * 40, "b" * 40


class Hub(BaseHTTPRequestHandler):
    """As much of the Hugging Face hub as a download asks for: two revisions of one repository."""

    newest = OLD
    asked: ClassVar[list[str]] = []

    def files(self, revision: str) -> dict[str, bytes]:
        return {"config.json": b"{}", "which.txt": revision.encode(), "model.h5": b"", **WEIGHTS}

    def do_GET(self):
        path = self.path.partition("?")[0].strip("/").removeprefix("datasets/")
        Hub.asked.append(path)
        if found := re.fullmatch(r"api/(?:models|datasets)/some/one(?:/revision/(\w+))?", path):
            revision = found[1] if found[1] in (OLD, NEW) else Hub.newest
            return self.say({"id": "some/one", "sha": revision, "siblings": []})
        if found := re.fullmatch(r"api/(?:models|datasets)/some/one/tree/(\w+)", path):
            return self.say(
                [
                    {"type": "file", "path": name, "size": len(content), "oid": found[1]}
                    for name, content in self.files(found[1]).items()
                ]
            )
        if found := re.fullmatch(r"some/one/resolve/(\w+)/(\S+)", path):
            content = self.files(found[1])[found[2]]
            return self.answer(content, {"X-Repo-Commit": found[1], "ETag": f'"{found[1]}"'})
        return self.send_error(404)

    do_HEAD = do_GET

    def say(self, value) -> None:
        self.answer(json.dumps(value).encode(), {"Content-Type": "application/json"})

    def answer(self, content: bytes, headers: dict[str, str]) -> None:
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
    """A hub on this machine; what is fetched from it in a process of its own."""
    Hub.newest = OLD
    Hub.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("PARAMLERP_HUB_OFFLINE", "0")
    yield
    server.shutdown()


def from_hub(folder: Path, **how) -> Path:
    """Fetch anew, as a rerun does: what was there is gone, but for the record."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    own = {"id": "some/one", "revision": None, "dataset": False, "stream": False} | how
    code = "import sys, json; from pathlib import Path; from paramlerp.data import sources\n"
    code += "out, record, own = sys.argv[1:]\n"
    code += "sources.fetch_hub(Path(out), record=Path(record), **json.loads(own))"
    paths = [str(folder / "out"), str(folder / "revisions" / "one.json")]
    (folder / "out").mkdir()
    run = subprocess.run(
        [sys.executable, "-c", code, *paths, json.dumps(own)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), "HF_HUB_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return folder / "out"


@pytest.mark.parametrize("dataset", [False, True])
def test_the_revision_of_the_first_fetch_is_held_to(hub, tmp_path, dataset):
    """The hub's repository moves on; a rerun's does not."""
    out = from_hub(tmp_path, dataset=dataset)
    assert (out / "which.txt").read_text() == OLD
    assert (out / "model.h5").exists() == dataset, "weights of other frameworks stay there"
    record = json.loads((tmp_path / "revisions" / "one.json").read_text())
    assert record == {"some/one": OLD}
    Hub.newest = NEW
    assert (from_hub(tmp_path, dataset=dataset) / "which.txt").read_text() == OLD
    out = from_hub(tmp_path, dataset=dataset, revision=NEW)
    assert (out / "which.txt").read_text() == NEW, "what the config pins goes first"
    out = from_hub(tmp_path, dataset=dataset, revision="main")
    Hub.newest = OLD
    out = from_hub(tmp_path, dataset=dataset, revision="main")
    assert (out / "which.txt").read_text() == NEW, "a branch is held to where it was"
    Hub.newest = NEW
    out = from_hub(tmp_path, dataset=dataset)
    assert (out / "which.txt").read_text() == OLD, "and so is what was first"
    assert (out / "pytorch_model.bin").exists() == dataset, "safetensors are enough"


def test_of_a_stream_only_the_revision_is_fetched(hub, tmp_path):
    out = from_hub(tmp_path, dataset=True, stream=True)
    assert [path.name for path in out.iterdir()] == ["revision.json"]
    assert sources.fetched_revision(out) == OLD
    assert not any("resolve" in path for path in Hub.asked)


@pytest.fixture
def web(tmp_path):
    """An archive by a URL."""
    with zipfile.ZipFile(tmp_path / "trees.zip", "w") as archive:
        archive.writestr("trees/train.txt", "(3 (2 a))")
        archive.writestr("trees/notes.md", "no")
    return (tmp_path / "trees.zip").as_uri()


def from_web(folder: Path, url: str, sha256=None, extract=("trees/*.txt",)) -> list[str]:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    record = folder / "revisions" / "trees.json"
    own = {"sha256": sha256, "extract": list(extract), "record": record}
    sources.fetch_url(out, url=url, **own)
    return [path.name for path in out.iterdir()]


def test_a_file_by_its_url(web, tmp_path):
    assert from_web(tmp_path, web) == ["train.txt"]
    assert from_web(tmp_path, web, extract=()) == ["trees.zip"]
    assert from_web(tmp_path, web, sha256=files.sha256(tmp_path / "trees.zip")) == ["train.txt"]


def test_another_file_than_promised_or_than_at_first(web, tmp_path):
    with pytest.raises(UserError, match=f"has sha256 {'[0-9a-f]' * 64}, and not {'0' * 64}"):
        from_web(tmp_path, web, sha256="0" * 64)
    from_web(tmp_path, web)
    with zipfile.ZipFile(tmp_path / "trees.zip", "a") as archive:
        archive.writestr("trees/dev.txt", "")
    with pytest.raises(UserError, match=r"another file than at the first fetch.*trees\.json"):
        from_web(tmp_path, web)
    with pytest.raises(UserError, match="for a copy on disk use kind: path"):
        from_web(tmp_path, web.replace("trees", "none"))


def test_a_causal_lm_keeps_its_weights(trio, tmp_path):
    convert.main(trio["base"], tmp_path / "out", log)
    assert_same(tmp_path / "out", trio["base"])
    assert records.weight_hashes(tmp_path / "out") == records.weight_hashes(trio["base"])
    noted = json.loads((tmp_path / "out" / records.FAMILY).read_text())
    assert noted["family"] == "causal_lm" and noted["evaluated_by"] == "loss"


def test_other_models_are_linked_as_they_are(tokenizer, tmp_path):
    folder = tiny_encoder(tokenizer, tmp_path / "encoder")
    convert.main(folder, tmp_path / "out", log)
    name = checkpoints.WEIGHTS
    assert (tmp_path / "out" / name).stat().st_ino == (folder / name).stat().st_ino
    noted = json.loads((tmp_path / "out" / records.FAMILY).read_text())
    assert noted["family"] == "classifier" and noted["body"] == "bert."


def test_a_hub_cache_of_links_is_followed(tokenizer, tmp_path):
    folder = tiny_encoder(tokenizer, tmp_path / "blobs")
    snapshot = tmp_path / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    for file in folder.iterdir():
        (snapshot / file.name).symlink_to(f"../../blobs/{file.name}")
    convert.main(snapshot, tmp_path / "out", log)
    assert not (tmp_path / "out" / checkpoints.WEIGHTS).is_symlink()
    models.load_classifier(tmp_path / "out")


def test_half_precision_and_sharded_causal_lms_become_fp32(tokenizer, tmp_path):
    """As their experts are; else the two would not mix."""
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


def test_older_tensor_names_become_todays(tokenizer, tmp_path):
    """GPT-2's files on the hub lack the prefix that transformers writes."""
    folder = save(tiny("gpt2", tokenizer), tokenizer, tmp_path / "in")
    state = load_file(folder / checkpoints.WEIGHTS)
    older = {name.removeprefix("transformer."): tensor for name, tensor in state.items()}
    save_file(older, folder / checkpoints.WEIGHTS, metadata={"format": "pt"})
    before = files.sha256(folder / checkpoints.WEIGHTS)
    convert.main(folder, tmp_path / "out", log)
    assert checkpoints.Checkpoint(tmp_path / "out").tensors.keys() == state.keys()
    assert files.sha256(folder / checkpoints.WEIGHTS) == before, "the user's file is not touched"


def assert_same(a: Path, b: Path) -> None:
    x, y = (load_file(folder / checkpoints.WEIGHTS) for folder in (a, b))
    assert x.keys() == y.keys() and all(torch.equal(x[n], y[n]) for n in y)


def pickled(trio, tmp_path) -> Path:
    """A model as older hub repositories hold it: pytorch_model.bin, ties written twice."""
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
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_folder_without_weights(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no safetensors, GGUF or pytorch_model\.bin"):
        convert.main(tmp_path / "empty", tmp_path / "out", log)


def test_a_missing_model_is_an_error_at_once(tmp_path):
    with pytest.raises(UserError, match=r"no tokenizer|holds neither"):
        models.load_causal_lm(tmp_path / "nowhere")


def test_half_a_model_is_refused(trio, tokenizer, tmp_path):
    """Not filled up with random weights, as transformers would."""
    folder = tmp_path / "half"
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
