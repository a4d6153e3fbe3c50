"""The two ways a command ends badly: the input was wrong (exit 2), or the work failed (exit 1)."""


class UserError(ValueError):
    """Bad input, in one line: what is wrong, where, and what to do about it."""

    exit_code = 2


class WorkFailed(RuntimeError):
    """Work that was asked for correctly and did not succeed, in one line."""

    exit_code = 1
