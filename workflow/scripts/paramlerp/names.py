"""Names that many stages share."""

#: what experts are trained on, and called
POLES = ("positive", "negative")
