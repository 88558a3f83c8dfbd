"""Groups of options that several commands share."""

from collections.abc import Callable


def together(*options: Callable) -> Callable[[Callable], Callable]:
    """One decorator that adds all these `click.option`, shown in this order."""

    def decorator(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorator
