# Linear interpolation in parameter space for fine-tuned language models.
# What each setting means: config/README.md. Where each thing is: docs/architecture.md.

from snakemake.logging import logger
from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config.yaml"


report: f"{workflow.basedir}/workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data/sources.smk"
include: "workflow/rules/data/attributes.smk"
include: "workflow/rules/data/prompts.smk"
include: "workflow/rules/data/corpora.smk"
include: "workflow/rules/checkpoints/convert.smk"
include: "workflow/rules/checkpoints/finetune.smk"
include: "workflow/rules/checkpoints/classify.smk"
include: "workflow/rules/checkpoints/pretrain.smk"
include: "workflow/rules/checkpoints/merge.smk"
include: "workflow/rules/texts/generate.smk"
include: "workflow/rules/texts/first.smk"
include: "workflow/rules/scores/texts.smk"
include: "workflow/rules/scores/models.smk"
include: "workflow/rules/tables/sweeps.smk"
include: "workflow/rules/tables/lines.smk"
include: "workflow/rules/tables/seeds.smk"
include: "workflow/rules/tables/numbered.smk"
include: "workflow/rules/tables/classifier.smk"
include: "workflow/rules/tables/estimate.smk"
include: "workflow/rules/figures/figures.smk"
include: "workflow/rules/dial/pick.smk"
include: "workflow/rules/dial/export.smk"
include: "workflow/rules/dial/check.smk"


for STUDY in STUDIES:

    include: STUDY / "rules.smk"


rule all:
    default_target: True
    input:
        expand("results/figures/{figure}.png", figure=config["figures"]),
        expand("results/tables/{sweep}.csv", sweep=SWEEPS),
        expand(
            "results/tables/{sweep}_barriers.csv",
            sweep=[*PLAN.with_barriers, *PLAN.pairs],
        ),
        expand("results/tables/{sweep}_against.csv", sweep=PLAN.compared),
        expand("results/tables/{sweep}_seeds.csv", sweep=PLAN.with_seeds),
        expand(
            "results/tables/{sweep}_seeds_barriers.csv", sweep=PLAN.barriers_with_seeds
        ),
        expand("results/tables/{figure}_paired.csv", figure=PLAN.with_two_lines),
        expand("results/examples/{sweep}.md", sweep=PLAN.point_sweeps),
        expand(
            "results/tables/{checkpoint}_classifier.csv",
            checkpoint=PLAN.in_use("classifier"),
        ),
        rules.training_tables.output if PLAN.in_use("finetuned") else [],
        rules.first.output if config["first"] else [],
        rules.generation_table.output,
        rules.pretraining_table.output if PLAN.in_use("pretrained") else [],


onstart:
    session.begin(workflow, logger)


onsuccess:
    session.end(PLAN)
