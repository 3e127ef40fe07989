"""Names that many stages share."""

import re

#: what experts are trained on, and called
POLES = ("positive", "negative")
#: in a tensor's name, its layer and what it is there
LAYER = re.compile(r"\.(\d+)\.(.+)$")
