"""Check that an attribute's scorer tells its poles apart, before texts are made for it to score."""

import numpy as np

from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job
from paramlerp.lm import models
from paramlerp.measure import classifiers, domains
from paramlerp.measure.calibration import auc


def main(model: str, scorer: dict, texts: list[domains.Labelled]) -> float:
    """The AUC of the scorer's score (see `scores.classify`) for the high pole.

    It is the score without calibration. `scorer` is its entry in the config.
    """
    network, tokenizer = models.load_classifier(model, scorer["labels"])
    p = classifiers.probabilities(network, tokenizer, [t.text for t in texts], scorer["max_tokens"])
    return auc(p @ scorer["values"], np.array([t.is_high for t in texts]))


def require(value: float, bound: float, scorer: str, attribute: str, n: int) -> None:
    """Raise UserError if an AUC is below its bound."""
    if not value >= bound:
        raise UserError(
            f"scorers.{scorer}: cannot tell the poles of {attribute} apart: AUC {value:.3f} on {n}"
            f" validation texts, where attributes.{attribute}.min_auc is {bound:g}; take another"
            " scorer or text whose poles differ more, or lower the bound"
        )


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        texts = domains.of_attribute(snakemake.input.validation)
        value = main(snakemake.input.model, params.scorer, texts)
        attribute = snakemake.wildcards.attribute
        require(value, params.min_auc, params.name, attribute, len(texts))
        row = {"scorer": params.name, "auc": value, "min_auc": params.min_auc, "n": len(texts)}
        files.write_rows(snakemake.output.check, [row])
