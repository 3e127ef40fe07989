"""Make the models and texts that tests/tiny.yaml names, to run the workflow on them by hand.

python tests/tiny_inputs.py FOLDER && cd FOLDER
snakemake --cores 2 --snakefile REPO/Snakefile --configfile REPO/tests/tiny.yaml -- TARGET
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "workflow" / "scripts"))

from conftest import make_inputs, tiny_tokenizer

if __name__ == "__main__":
    make_inputs(Path(sys.argv[1]) / "inputs", tiny_tokenizer())
