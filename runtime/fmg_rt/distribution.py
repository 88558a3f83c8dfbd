"""Name and version of the installed distribution, and how its extras are installed. setup.cfg reads the version here."""

NAME = "facial-motion-generator"
"""Name on a package index. The project that is called ``fmg`` there is another one."""
__version__ = "0.2.0"


def install(extra: str) -> str:
    """The command that adds an extra of setup.cfg, for messages that end with it."""
    return f"pip install '{NAME}[{extra}]'"
