# Requires: the attributes' sources, results/prompts/ of the same sources
# Produces: results/data/{attribute}/{part}/{pole}/{split}.jsonl


for NAME, ATTRIBUTE in ATTRIBUTES.items():

    rule:
        """Cut an attribute's text into disjoint parts for experts, classifiers and language models."""
        name:
            f"split_{NAME}"
        input:
            sources=[
                paths.source(config, name)
                for name in reading.sources_of(ATTRIBUTE.text)
            ],
            files=paths.source_files(config, *reading.sources_of(ATTRIBUTE.text)),
            prompts=reading.prompt_files(
                config, reading.sources_of(ATTRIBUTE.text), PLAN.prompts_in_use
            ),
        output:
            **{
                f"{part}_{pole}_{split}": paths.attribute_text(NAME, part, pole, split)
                for part in PARTS
                if config["splitting"]["parts"][part] > 0
                for pole in ATTRIBUTE.poles
                for split in SPLITS
            },
        log:
            f"results/logs/split/{NAME}.log",
        benchmark:
            f"results/benchmarks/split/{NAME}.tsv"
        conda:
            environment("data")
        threads: 1
        resources:
            mem_mb=per_attempt(2000),
            runtime=per_attempt(30),
        params:
            code=code("data/split"),
            attribute=NAME,
            readings=reading.by_source(config, ATTRIBUTE.text),
            prompts=reading.prompts_from(
                config, reading.sources_of(ATTRIBUTE.text), PLAN.prompts_in_use
            ),
            poles=list(ATTRIBUTE.poles),
            splitting=config["splitting"],
            seed=config["seed"],
        script:
            "../../scripts/data/split.py"
