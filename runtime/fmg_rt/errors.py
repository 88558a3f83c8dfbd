"""FmgError: what every error of fmg is, so that a host can catch them all in one line."""


class FmgError(Exception):
    """Something that fmg was given cannot be used; the message is one line that says what to do."""
