"""The page of the library: signatures and docstrings of everything in `fmg_rt.__all__`."""

import enum
import inspect
import re

_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)


def page(module: object) -> str:
    """Markdown of the public names of a module, classes first."""
    intro = "Generated from the docstrings. Everything here is imported from `fmg_rt`; anything else may change without a word."
    things = [(name, getattr(module, name)) for name in module.__all__ if not name.startswith("_")]
    return "\n\n".join(["# Library reference", intro, *(describe(name, thing) for name, thing in things)]) + "\n"


def describe(name: str, thing: object) -> str:
    """One class with its public methods and properties, or one function."""
    parts = [f"## {name}", signature(name, thing), docstring(thing)]
    if inspect.isclass(thing) and not issubclass(thing, Exception | enum.Enum):
        for member, value in vars(thing).items():
            function = getattr(value, "__func__", value)
            if member.startswith("_") or not (inspect.isfunction(function) or isinstance(value, property)):
                continue
            heading = f"### {name}.{member}"
            if isinstance(value, property):
                parts += [heading, docstring(value)]
            else:
                parts += [heading, signature(f"{name}.{member}", function), docstring(function)]
    return "\n\n".join(part for part in parts if part)


def signature(name: str, thing: object) -> str:
    """The call as a block of code; nothing for what cannot be called."""
    try:
        found = inspect.signature(thing)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    parameters = [p for p in found.parameters.values() if p.name != "self"]
    shown = str(found.replace(parameters=parameters)).replace("'", "") if "." in name else str(found).replace("'", "")
    return f"```python\n{name}{shown.removesuffix(' -> None')}\n```"


def docstring(thing: object) -> str:
    """A docstring in NumPy's form as Markdown."""
    text = inspect.getdoc(thing) or ""
    pieces = _SECTION.split(text)
    parts = [examples(pieces[0].strip())]
    for title, body in zip(pieces[1::2], pieces[2::2], strict=True):
        parts += [f"**{title}**", examples(body.strip()) if title == "References" else entries(body)]
    return "\n\n".join(part for part in parts if part)


def entries(body: str) -> str:
    """`name : meaning` with indented continuations, or `Error` with its meaning below, as a list."""
    items: list[str] = []
    for line in body.strip().splitlines():
        if line.startswith((" ", "\t")) and items:
            items[-1] += f" {line.strip()}"
        elif line.strip():
            name, colon, meaning = line.partition(" : ")
            items.append(f"* `{name}`{colon and ':'} {meaning}".rstrip())
    return "\n".join(items)


def examples(text: str) -> str:
    """Paragraphs; those that show an interactive session become code."""
    blocks = re.split(r"\n\s*\n", text)
    return "\n\n".join(f"```pycon\n{block}\n```" if block.startswith(">>>") else block for block in blocks)
