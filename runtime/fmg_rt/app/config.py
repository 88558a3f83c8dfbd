"""Settings from a YAML file: the names of the command line's options, without the dashes before them."""

import difflib
import os
from collections.abc import Collection
from typing import Any

from ..errors import FmgError


class ConfigError(FmgError, ValueError):
    """The file cannot be used; the message is one line that says why."""


def read(path: str | os.PathLike[str], known: Collection[str]) -> dict[str, Any]:
    """The settings in a file, each by its name in `known`.

    Words may be joined by ``-`` or ``_``. A value is a text, a number, yes or no, or a list of these.

    Raises
    ------
    ConfigError
        No such file, not a YAML mapping, an unknown name (near ones are suggested), a name twice or a nested value.
    """
    import yaml

    try:
        with open(path, encoding="utf-8-sig") as file:  # editors on Windows put a byte order mark first
            content = yaml.safe_load(file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot read it ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: it is not text in UTF-8") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected lines such as 'rate: 30'")
    settings: dict[str, Any] = {}
    for key, value in content.items():
        name = str(key).replace("_", "-")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else f". Known are: {', '.join(sorted(known))}"
            raise ConfigError(f"{path}: unknown setting '{key}'{hint}")
        if name in settings:
            raise ConfigError(f"{path}: '{name}' stands there twice")
        if any(not isinstance(v, str | int | float | bool) for v in (value if isinstance(value, list) else [value])):
            raise ConfigError(f"{path}: '{key}' needs a text, a number, true or false, or a list of these")
        settings[name] = value
    return settings
