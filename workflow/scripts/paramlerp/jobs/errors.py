"""Exceptions whose message is written for the user."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """A mistake in an input, in one line: the file, the field, the remedy.

    Scripts print the message without a traceback and exit with status 1.
    """


class NotFiniteError(UserError):
    """Weights or logits hold NaN or Inf: the point lies too far out."""


def reason(error: Exception) -> str:
    """The first line of an exception's message, or its type's name if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def errors_in(file) -> Iterator[None]:
    """Prefix the message of a UserError that the block raises with the name of `file`."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
