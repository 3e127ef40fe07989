"""Linear interpolation in parameter space for fine-tuned language models.

The library behind the workflow: pure functions that the rules' scripts call.
Modules that need torch import it at their top; `schemes`, `checkpoints`,
`merging`, `readers`, `statistics` and everything around them do not.
"""

import gc
import os

#: what the user said of it, handed down to jobs; only `sources.fetch_hub` goes by that
HUB_OFFLINE = os.environ.setdefault("PARAMLERP_HUB_OFFLINE", os.environ.get("HF_HUB_OFFLINE", "0"))
# Whether there is a GPU is asked of the driver. CUDA itself would read once, and too early,
# which of them a job may see (`devices.claim` says so later); read when torch is imported.
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
# Models are read from disk, and a missing one is an error at once. Left online,
# transformers may ask a hub first, for a minute, before it says so. Set here, since
# it is read when transformers is imported, and this comes first.
os.environ["HF_HUB_OFFLINE"] = "1"
# What is imported and loaded lives as long as its process, of jobs and of Snakemake itself;
# looking for garbage among it takes a fifth of the time that a job needs to start.
gc.set_threshold(1_000_000)
