"""The exceptions that a user is meant to read."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """A bad input, told in one line: which file, which field, what to do.

    Scripts print the message without a traceback and exit with status 1.
    """


class NotFiniteError(UserError):
    """Weights or logits hold NaN or Inf: the point lies too far out."""


def reason(error: Exception) -> str:
    """The first line of what an exception says; its type's name if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def about(where) -> Iterator[None]:
    """Put `where`, a file, before the message of a UserError that the body raises."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
