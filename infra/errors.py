"""What the command line answers with, in one line and an exit status."""

DONE, SOME_FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


class Refused(ValueError):
    """Wrong usage, or something that must not be done; the text is one line with the remedy."""
