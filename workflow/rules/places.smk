# Requires: the names of common.smk
# Produces: nothing; where things lie: paths of texts, scores and losses at the places of a sweep,
#           of text that something is trained on, and coefficients of points


def attribute_of(checkpoint):
    """The attribute on whose text a checkpoint is trained."""
    return ATTRIBUTES[CHECKPOINTS[checkpoint]["attribute"]]


def also_tested_on(checkpoint):
    """Other domains that a classifier is tested on as well, with the text of each pole."""
    return CHECKPOINTS[checkpoint].get("also_test_on", {})


def texts_of_classifier(checkpoint, split, high_first=False):
    """A split of the classifier's part: the low pole's text, then the high one's, or turned."""
    attribute = CHECKPOINTS[checkpoint]["attribute"]
    poles = ATTRIBUTES[attribute].poles
    return [
        part(attribute, "classifier", pole, split)
        for pole in (poles if high_first else reversed(poles))
    ]


def text_files(corpus):
    """What is read of a corpus' text, as inputs: of a hub's, which revision it is."""
    if CORPORA[corpus]["kind"] == "texts":
        return [f"results/corpora/{corpus}/train"]
    source = CORPORA[corpus]["source"]
    return [source_path(source), *source_files(source)]


def text_of_corpus(corpus):
    """A corpus' text, for `corpora.Documents`."""
    if CORPORA[corpus]["kind"] == "texts":
        return {"where": f"results/corpora/{corpus}/train", "column": "text"}
    source = CORPORA[corpus]["source"]
    own = config["sources"][source]
    how = {"column": own["text"], "subset": own.get("subset")}
    if own["kind"] == "hub":
        return {"where": own["id"], "fetched": source_path(source), **how}
    return {"where": source_path(source), **how}


def sources_of(text):
    """The sources that the text of poles is taken from, each once."""
    return list(dict.fromkeys(text[pole]["source"] for pole in sorted(text)))


def by_source(text):
    """Of each of `sources_of`: how it is read, and which of its rows stand for which pole."""
    return [
        {
            "reading": settings.reading(config["sources"][name]),
            "selections": {
                pole: settings.selection(own)
                for pole, own in text.items()
                if own["source"] == name
            },
        }
        for name in sources_of(text)
    ]


def checkpoints_of(scheme):
    """The directories of the checkpoints that a scheme mixes, in its order."""
    return [path(name) for name in SCHEMES[scheme].checkpoints]


def coefficients(scheme, *point):
    """The coefficients of a scheme's checkpoints at a point, as decimal strings."""
    found = SCHEMES[scheme].coefficients(*point)
    return {name: f"{value:f}" for name, value in found.items()}


def at(wildcards):
    """`coefficients` at the point of a job."""
    return coefficients(wildcards.scheme, *schemes.values(wildcards.point))


def along(wildcards):
    """Value of the first coordinate -> `coefficients`, of the points of a job's row."""
    values = SWEEP_OF_ROWS[wildcards.scheme].values[first_coordinate(wildcards.scheme)]
    rest = schemes.values(wildcards.point)
    return {value: coefficients(wildcards.scheme, value, *rest) for value in values}


def first_coordinate(scheme):
    """The coordinate along which a row of a scheme runs."""
    return SCHEMES[scheme].coordinates[0]


def seed_of(checkpoint, purpose, *values, key=None):
    """The seed of one of a checkpoint's random streams."""
    return registry.seed(config, checkpoint, purpose, *values, key=key)


def part(attribute, name, pole, split):
    """The texts of one place of an attribute's text."""
    return f"results/data/{attribute}/{name}/{pole}/{split}.jsonl"


def texts_of(checkpoint, split):
    """The text of a split that a language model is fine-tuned on."""
    own = CHECKPOINTS[checkpoint]
    name = own.get("part", "experts")
    return [part(own["attribute"], name, pole, split) for pole in own["poles"]]


def candidates_of(checkpoint):
    """The directories of all settings that are tried for a checkpoint."""
    return [
        f"results/candidates/{checkpoint}/{setting}"
        for setting in registry.grid(config, checkpoint)
    ]


def beside_the_grid(checkpoint):
    """How a language model is fine-tuned, whatever the setting."""
    how = registry.training(config, checkpoint)
    return {
        k: v for k, v in how.items() if k not in (*registry.GRID, "keep_candidates")
    }


def held_out(corpus):
    """Text of a corpus that nothing is pretrained on."""
    return f"results/corpora/{corpus}/held_out.jsonl"


def test_text(name):
    """A set of test text by its name: of a corpus, or of a pole that no expert was trained on."""
    if name in CORPORA:
        return held_out(name)
    (attribute,) = (n for n, own in ATTRIBUTES.items() if name in own.poles)
    return part(attribute, "experts", name, "test")


def shards_below(sweep, samples):
    """The files of a sweep's samples that hold any of the first so many."""
    return [s for s in sweep.shards if sweeps.samples_of(s)[0] < samples]


def at_places(pattern, places, shards=(None,), **others):
    """`pattern` at places of a sweep, and for each of its files of samples."""
    return [
        pattern.format(
            prompts=place.get("prompts"),
            scheme=place["scheme"],
            point=point_of(place),
            samples=shard,
            **others,
        )
        for place in places
        for shard in shards
    ]


def point_of(place):
    """The name of a place's point, or of its row, in paths."""
    values = {k: v for k, v in place.items() if k not in ("prompts", "scheme")}
    if len(values) < len(SCHEMES[place["scheme"]].coordinates):
        return schemes.row_name(values)
    return schemes.named(values)


def rows_of(sweep):
    """The rows of a sweep in memory: of every scheme and set of prompts, in the table's order."""
    return [
        {"scheme": scheme.title, "prompts": prompts, **row}
        for scheme in sweep.schemes
        for prompts in sweep.prompts
        for row in sweep.rows()
    ]


def kinds_of_scorers(sweep):
    """The scorers whose figures a sweep's table has, each with its kind."""
    return {name: config["scorers"][name]["kind"] for name in sweep.scorers}


def scorers_in(sweep, kind):
    """A sweep's scorers of one kind."""
    return [name for name, own in kinds_of_scorers(sweep).items() if own == kind]


def sampling():
    """How texts are generated, without how many and where."""
    return {
        key: config["generation"][key]
        for key in ("max_new_tokens", "top_p", "max_rows")
    }


def samples_of(wildcards):
    """The ids of the samples in a job's file."""
    return list(sweeps.samples_of(wildcards.samples))


def values_of(sweep):
    """The values of a sweep's first coordinate."""
    return SWEEPS[sweep].values[SWEEPS[sweep].coordinates[0]]


def columns_of(sweep):
    """The places of a sweep, in the order of its table, as the table names them."""
    return [SWEEPS[sweep].column(place) for place in SWEEPS[sweep].places()]


def points_of(sweep, prompts=None):
    """The places of a sweep's first scheme with one set of prompts."""
    scheme = SWEEPS[sweep].schemes[0].title
    return [{"prompts": prompts, "scheme": scheme, **p} for p in SWEEPS[sweep].points()]


def is_between(sweep):
    """Whether a sweep is one line that holds the two checkpoints at its ends, 0 and 1."""
    return (
        len(sweep.schemes) == 1
        and sweep.mixes == "weights"
        and len(sweep.schemes[0].ends()) == 2
        and {"0.000", "1.000"} <= set(sweep.values[sweep.coordinates[0]])
    )


def between_ends(sweep):
    """The values of a line's coordinate from one end to the other."""
    return [value for value in values_of(sweep) if 0 <= float(value) <= 1]


def points_between(sweep, prompts=None):
    """The places of a line from one end to the other."""
    coordinate = SWEEPS[sweep].coordinates[0]
    inside = between_ends(sweep)
    return [p for p in points_of(sweep, prompts) if p[coordinate] in inside]


def measured_at(places, scorers, before=""):
    """Texts and scores, by scorer, of places with their files of samples, as named inputs."""
    patterns = {"texts": (TEXTS, {})}
    patterns |= {scorer: (SCORES, {"scorer": scorer}) for scorer in scorers}
    return {
        f"{before}{name}": [
            found
            for place, shards in places
            for found in at_places(pattern, [place], shards, **others)
        ]
        for name, (pattern, others) in patterns.items()
    }


def measured_of(sweep):
    """Texts and scores of a sweep, of its places or of its rows."""
    own = SWEEPS[sweep]
    places = rows_of(own) if own.in_memory else own.places()
    return measured_at([(place, own.shards) for place in places], own.scorers)


def sides_of(sweep):
    """An ensemble and the merged weights at its places: side -> places, files of samples."""
    own = SWEEPS[sweep]
    other = SWEEPS[own.against]
    merged = [{**place, "scheme": other.schemes[0].title} for place in own.places()]
    return {
        "weights": (merged, shards_below(other, own.samples)),
        "logits": (list(own.places()), own.shards),
    }


def both_sides(sweep):
    """Texts and scores of both sides, as the inputs of their comparison."""
    found = {}
    for side, (places, shards) in sides_of(sweep).items():
        held = [(place, shards) for place in places]
        found |= measured_at(held, SWEEPS[sweep].scorers, f"{side}_")
    return found


def overlays(sweep):
    """What is drawn over a plane: (columns of the table, place, files of samples) a point."""
    plane, found = SWEEPS[sweep], []
    for other in map(SWEEPS.get, plane.over):
        for place in other.places():
            if place["prompts"] not in plane.prompts:
                continue
            scheme = SCHEMES[place["scheme"]]
            point = [place[coordinate] for coordinate in scheme.coordinates]
            where = plane.schemes[0].locate(scheme.coefficients(*point))
            if where:
                columns = {key: place[key] for key in ("scheme", "prompts")}
                columns |= dict(zip(plane.coordinates, where))
                found.append((columns, place, shards_below(other, plane.samples)))
    return found


def of_the_plane(sweep):
    """Texts, scores and losses of a plane's lattice and of what is drawn over it."""
    plane, found = SWEEPS[sweep], {}
    parts = {"lattice": [(row, plane.shards) for row in rows_of(plane)]}
    parts["overlay"] = [(place, shards) for _, place, shards in overlays(sweep)]
    for name, places in parts.items():
        found |= measured_at(places, plane.scorers, f"{name}_")
        found[f"{name}_losses"] = at_places(LOSSES, [place for place, _ in places])
    return found


def ends_of(sweep):
    """The two checkpoints at 0 and at 1 of each of a sweep's schemes that has two ends."""
    ends = {s.title: list(s.ends().values()) for s in SWEEPS[sweep].schemes}
    return {scheme: both for scheme, both in ends.items() if len(both) == 2}
