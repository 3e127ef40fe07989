# Linear interpolation in parameter space for fine-tuned language models.
# What each setting means: config.yaml. What each stage does: workflow/rules.

from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config.yaml"


report: f"{workflow.basedir}/workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/experts.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/merge.smk"
include: "workflow/rules/generate.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/pairs.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/estimate.smk"


rule all:
    default_target: True
    input:
        rules.fig3.output,
        rules.fig4.output,
        rules.fig5.output if "g2" in ALPHAS else [],
        rules.fig6.output if "ensemble" in ALPHAS else [],
        [rules.fig7.output, rules.fig8.output] if "g3" in ALPHAS else [],
        PAIR_RESULTS if PAIRS else [],
        rules.barriers.output if {"0.000", "1.000"} <= set(ALPHAS["g1"]) else [],
        rules.training_tables.output,
        rules.generation_table.output,
        expand(
            "results/tables/{classifier}_classifier.csv",
            classifier=CLASSIFIERS,
        ),
        expand("results/tables/{sweep}.csv", sweep=LINES),
        expand("results/examples/{sweep}.md", sweep=LINES),


onstart:
    begin()


onsuccess:
    end()
