"""The one exception that a user is meant to read."""


class UserError(Exception):
    """A bad input, told in one line: which file, which field, what to do.

    Scripts print the message without a traceback and exit with status 1.
    """
