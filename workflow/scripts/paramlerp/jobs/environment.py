"""Process settings that PyTorch and Hugging Face's libraries read, most of them only once.

No import of this library changes one: the main process and every job call `prepare`.
"""

import gc
import os
import sys
from pathlib import Path

HUB_OFFLINE = "HF_HUB_OFFLINE"
#: the value of HF_HUB_OFFLINE that the user started the workflow with
USER_HUB_OFFLINE = "PARAMLERP_HUB_OFFLINE"


def prepare() -> None:
    """Take this process and its children offline, and set PyTorch's GPU check and Python's gc.

    Idempotent. Jobs inherit the variables from the main process, so they hold before a script
    imports transformers, which reads HF_HUB_OFFLINE at its first import.
    """
    # Models are on disk. Online, transformers asks the hub for up to a minute before it reports
    # a missing file.
    os.environ.setdefault(USER_HUB_OFFLINE, os.environ.get(HUB_OFFLINE, "0"))
    os.environ[HUB_OFFLINE] = "1"
    # CUDA reads CUDA_VISIBLE_DEVICES once, at its first call, and `devices.claim` sets it after
    # the imports. With this switch PyTorch asks the driver (NVML) whether there is a GPU.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    # Modules and models live as long as the process: collecting garbage among them finds none.
    gc.set_threshold(1_000_000)


def allow_hub() -> None:
    """Restore the user's own HF_HUB_OFFLINE, before `datasets` is imported."""
    os.environ[HUB_OFFLINE] = os.environ.get(USER_HUB_OFFLINE, os.environ.get(HUB_OFFLINE, "0"))
    if constants := sys.modules.get("huggingface_hub.constants"):  # it has read the variable
        constants.HF_HUB_OFFLINE = os.environ[HUB_OFFLINE].upper() in constants.ENV_VARS_TRUE_VALUES


def allow_hub_for(source) -> None:
    """`allow_hub`, unless `source` is a local path."""
    if not Path(source).exists():
        allow_hub()


def quiet_transformers() -> None:
    """Have transformers, if it is imported, report only errors and draw no progress bars."""
    if "transformers" in sys.modules:
        logging = sys.modules["transformers"].utils.logging
        logging.set_verbosity_error()
        logging.disable_progress_bar()
