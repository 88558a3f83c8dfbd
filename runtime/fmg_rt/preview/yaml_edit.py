"""Change a few settings in the text of a YAML mapping and leave everything else, comments above all, as it stands."""

from collections.abc import Mapping
from typing import Any

import yaml


def edit(text: str, changes: Mapping[str, Any]) -> str:
    """`text` with the values of `changes`; what it does not name yet is added at the end.

    Parameters
    ----------
    text : a YAML mapping, or nothing; its keys may be joined by ``_`` where those of `changes` have ``-``.
    changes : setting → text, number, true or false, or a list of these; None takes the setting's lines out.

    Raises
    ------
    ValueError
        `text` is no YAML mapping, or one that cannot be edited in place.
    """
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        before = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ValueError("it is not YAML") from None
    if not isinstance(before, dict) or not (root is None or isinstance(root, yaml.MappingNode)):
        raise ValueError("it is not a YAML mapping")
    after, missing = dict(before), {name: value for name, value in changes.items() if value is not None}
    places: list[tuple[int, int, str]] = []
    for key, node in root.value if root else ():
        name = str(key.value).replace("_", "-")
        if name in changes:
            missing.pop(name, None)
            start = text.index(":", key.end_mark.index) + 1
            # Tags, anchors, lists in lines: all that stands between the colon and the value's end goes.
            end = start + len(text[start : _end(node)].rstrip())
            if changes[name] is None:
                after.pop(key.value, None)
                line_end = text.find("\n", end) + 1 or len(text)
                places.append((key.start_mark.index, line_end, ""))
            else:
                after[key.value] = changes[name]
                places.append((start, end, f" {_value(changes[name])}"))
    after |= missing
    edited = text
    for start, end, value in sorted(places, reverse=True):
        edited = edited[:start] + value + edited[end:]
    lines = [f"{name}: {_value(value)}" for name, value in missing.items()]
    if lines:
        ending = "\r\n" if "\r\n" in text else "\n"
        edited += ("" if not edited or edited.endswith("\n") else ending) + "".join(line + ending for line in lines)
    # Whatever YAML can do that was not thought of here must not spoil a person's file.
    try:
        if (yaml.safe_load(edited) or {}) == after:
            return edited
    except yaml.YAMLError:
        pass
    raise ValueError("its form is too unusual to be edited in place; write each setting on a line of its own")


def _end(node: yaml.Node) -> int:
    """Where the text of a value ends: the mark of a list in lines lies behind the comments that follow it."""
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    return node.end_mark.index


def _value(value: Any) -> str:
    """A value on one line."""
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=True, width=float("inf"))
    return text.removesuffix("\n").removesuffix("...").removesuffix("\n")
