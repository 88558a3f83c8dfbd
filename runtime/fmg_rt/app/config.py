"""Settings from a YAML file: the names of the command line's options, without the dashes before them."""

import difflib
import os
from collections.abc import Collection
from typing import Any

from ..errors import FmgError

_LARGEST = 1 << 53
"""Larger integers are not settings; ones with thousands of digits cannot even be printed."""
_LONGEST = 1 << 18
"""Most characters of a file."""


class ConfigError(FmgError, ValueError):
    """The file cannot be used; the message is one line that says why."""


def read(path: str | os.PathLike[str], known: Collection[str]) -> dict[str, Any]:
    """The settings in a file, each by its name in `known`.

    Words may be joined by ``-`` or ``_``. A value is a string, a number, a boolean, or a list of these.

    Raises
    ------
    ConfigError
        No such file, not a YAML mapping, an unknown name (near ones are suggested), a name twice or a nested value.
    """
    import yaml

    try:
        with open(path, encoding="utf-8-sig") as file:  # editors on Windows put a byte order mark first
            text = file.read(_LONGEST + 1)
        if len(text) > _LONGEST:
            raise ConfigError(f"{path}: not a settings file: it is too long")
        content = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot read it ({error.strerror or error})") from None
    except ConfigError:
        raise
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: it is not text in UTF-8") from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, AttributeError, TypeError, KeyError) as error:
        # PyYAML does not wrap all errors: invalid dates, numbers with thousands of digits, mappings as names.
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split()):.300}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected lines such as 'rate: 30'")
    settings: dict[str, Any] = {}
    for key, value in content.items():
        if not isinstance(key, str):
            raise ConfigError(f"{path}: a setting's name is a text, not a {type(key).__name__}")
        name = key.replace("_", "-")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else f". Known are: {', '.join(sorted(known))}"
            raise ConfigError(f"{path}: unknown setting {key!r:.80}: take it out or rename it{hint}")
        if name in settings:
            raise ConfigError(f"{path}: '{name}' appears twice")
        if any(not isinstance(v, str | int | float | bool) for v in (value if isinstance(value, list) else [value])):
            raise ConfigError(f"{path}: '{key}' needs a text, a number, true or false, or a list of these")
        if any(isinstance(v, int) and abs(v) > _LARGEST for v in (value if isinstance(value, list) else [value])):
            raise ConfigError(f"{path}: '{key}' is out of range")
        settings[name] = value
    return settings
