# Linear interpolation in parameter space for fine-tuned language models.
# What each setting means: config.yaml. What each stage does: workflow/rules.

from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config.yaml"


report: f"{workflow.basedir}/workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/places.smk"
include: "workflow/rules/looks.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/finetune.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/merge.smk"
include: "workflow/rules/generate.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/estimate.smk"


rule all:
    default_target: True
    input:
        expand("results/figures/{figure}.png", figure=config["figures"]),
        expand("results/tables/{sweep}.csv", sweep=[*LINES, *PLANES, *PAIRS]),
        expand("results/tables/{sweep}_barriers.csv", sweep=[*BETWEEN, *PAIRS]),
        expand("results/tables/{sweep}_against.csv", sweep=COMPARED),
        expand("results/examples/{sweep}.md", sweep=LINES),
        expand(
            "results/tables/{checkpoint}_classifier.csv",
            checkpoint=in_use("classifier"),
        ),
        rules.training_tables.output if in_use("finetuned") else [],
        rules.generation_table.output,
        rules.pretraining_table.output if in_use("pretrained") else [],


onstart:
    begin()


onsuccess:
    end()
