"""What a sweep must mean: its names are there, and what is shown beside it fits."""

from ..jobs.errors import UserError
from . import sweeps
from .checks import RESERVED, among


def all_of(config: dict) -> None:
    """Raise UserError, one line naming the key, unless the sweeps of a config can be made."""
    for name, own in config["sweeps"].items():
        key = f"sweeps.{name}"
        if "attribute" in own:
            among(f"{key}.attribute", "attribute", own["attribute"], config["attributes"])
        for prompts in own["prompts"]:
            among(f"{key}.prompts", "set of prompts", prompts, config["prompts"])
        for scorer in own.get("scorers", []):
            among(f"{key}.scorers", "scorer", scorer, config["scorers"])
        texts = [
            *config["corpora"],
            *(p for a in config["attributes"].values() for p in a["poles"]),
        ]
        for text in own.get("losses", []):
            among(f"{key}.losses", "pole or corpus", text, texts)
    walked = sweeps.sweeps(config)
    for name in sweeps.in_use(config, walked):
        own = config["checkpoints"][name]
        part = "classifier" if own["kind"] == "classifier" else own.get("part", "experts")
        if "attribute" in own and config["splitting"]["parts"][part] == 0:
            raise UserError(f"config: splitting.parts.{part}: 0, but {name} is trained on it")
    _names(config, walked)
    owners: dict[str, str] = {}
    measured: dict[str, tuple] = {}
    told: dict[str, tuple] = {}
    for name, sweep in walked.items():
        key = f"config: sweeps.{name}"
        if sweep.in_memory:
            _in_memory(key, name, sweep, owners)
        if sweep.losses and sweep.mixes == "logits":
            raise UserError(f"{key}.losses: what mixes logits has none")
        for which, others in (("against", [sweep.against]), ("over", sweep.over)):
            for other in filter(None, others):
                among(f"sweeps.{name}.{which}", "sweep", other, walked)
                _beside(key, which, sweep, other, walked[other])
        for scheme in sweep.schemes:
            if sweep.losses:
                first, losses = measured.setdefault(scheme.title, (name, sweep.losses))
                if losses != sweep.losses:
                    raise UserError(
                        f"{key}.losses: sweeps.{first} measures others along {scheme.title}"
                    )
            if sweep.against:
                other = (walked[sweep.against].schemes[0].title, sweep.attribute)
                first, its_own = told.setdefault(scheme.title, (name, other))
                if other != its_own:
                    raise UserError(
                        f"{key}.against: sweeps.{first} tells {scheme.title} from {its_own[0]}"
                        f" along {its_own[1]}"
                    )


#: what names of tables end in, beside a sweep's or a classifier's name
ENDINGS = ("differences", "endings", "barriers", "against", "divergence", "sums", "next_words")
ENDINGS += ("next_word_trends", "classifier", "calibration")


def _names(config: dict, walked: dict) -> None:
    """Names of sweeps and coordinates with which no two files or columns would be one."""
    taken = {f"{name}_{end}" for name in (*walked, *config["checkpoints"]) for end in ENDINGS}
    taken |= {f"table{number}" for number in range(1, 5)}
    for name, sweep in walked.items():
        if name in taken:
            raise UserError(f"config: sweeps.{name}: another table has that name")
        for coordinate in sweep.coordinates:
            if coordinate in (*RESERVED, *config["scorers"]):
                raise UserError(
                    f"config: sweeps.{name}.points.{coordinate}: tables have another column of"
                    " that name"
                )


def _in_memory(key: str, name: str, sweep, owners: dict[str, str]) -> None:
    """Rows are of one coordinate or two, and a scheme's rows of one sweep."""
    if sweep.mixes == "logits":
        raise UserError(f"{key}.in_memory: what mixes logits merges nothing")
    if len(sweep.coordinates) > 2:
        raise UserError(f"{key}.in_memory: takes schemes of one coordinate or two")
    if not sweep.losses:
        raise UserError(f"{key}.losses: missing; a sweep in_memory measures them")
    if len(sweep.coordinates) == 2 and len(sweep.schemes) > 1:
        raise UserError(f"{key}.schemes: a plane is of one scheme")
    for scheme in sweep.schemes:
        first = owners.setdefault(scheme.title, name)
        if first != name:
            raise UserError(f"{key}.in_memory: sweeps.{first} has {scheme.title} in_memory, too")


def _beside(key: str, which: str, sweep, other: str, beside) -> None:
    """What is shown beside another must be there of the other, too."""
    if sweep.samples > beside.samples:
        raise UserError(
            f"{key}.samples: {sweep.samples} is beyond sweeps.{other}.samples, which it is shown"
            " beside"
        )
    if which == "over":
        _within(f"{key}.losses", sweep.losses, f"sweeps.{other}.losses", beside.losses)
        plane, points = sweep.schemes[0], next(iter(beside.points())).values()
        if len(plane.coordinates) != 2 or not sweep.in_memory:
            raise UserError(f"{key}.over: takes a plane in_memory")
        if beside.in_memory or not all(
            plane.locate(scheme.coefficients(*points)) for scheme in beside.schemes
        ):
            raise UserError(f"{key}.over: {other} has no points of their own on the plane")
        return
    if sweep.mixes != "logits" or beside.mixes != "weights" or beside.in_memory:
        raise UserError(f"{key}.against: takes logits here, and merged weights there")
    if sweep.attribute is None:
        raise UserError(f"{key}.attribute: missing; along its text the two are told apart")
    merged = beside.schemes[0]
    for scheme in sweep.schemes:
        same = (scheme.origin, scheme.directions) == (merged.origin, merged.directions)
        if not same or len(beside.schemes) > 1:
            raise UserError(f"{key}.against: {other} has other coefficients than {scheme.title}")
    _within(f"{key}.prompts", sweep.prompts, f"sweeps.{other}.prompts", beside.prompts)
    for name, values in sweep.values.items():
        theirs = beside.values.get(name, [])
        _within(f"{key}.points.{name}", values, f"sweeps.{other}.points.{name}", theirs)


def _within(key: str, mine: list[str], there: str, theirs: list[str]) -> None:
    for value in mine:
        if value not in theirs:
            raise UserError(f"{key}: {value} is beyond {there}, which it is shown beside")
