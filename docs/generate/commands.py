"""A page for each command, from click's own objects, so that it cannot differ from `--help`."""

import re
import textwrap
from collections.abc import Iterator

import click


def pages(name: str, program: click.Group) -> Iterator[tuple[str, str]]:
    """(file below docs/commands, Markdown) of a program and of all commands below it."""
    yield from _pages(program, click.Context(program, info_name=name))


def _pages(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield file(context.command_path), page(command, context)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _pages(found, click.Context(found, info_name=child, parent=context))


def file(path: str) -> str:
    """'fmg-rt bake' → 'fmg-rt-bake.md'."""
    return f"{path.replace(' ', '-')}.md"


def page(command: click.Command, context: click.Context) -> str:
    """Usage, text, arguments and options of one command."""
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"# {context.command_path}", f"```text\n{usage}\n```", text(command.help or "")]
    if isinstance(command, click.Group):
        rows = [
            f"| [`{child}`]({file(f'{context.command_path} {child}')}) | {short(command, context, child)} |"
            for child in command.list_commands(context)
        ]
        parts.append("\n".join(["## Commands", "", "| command | what it does |", "|---|---|", *rows]))
    records = [record for param in command.get_params(context) if (record := param.get_help_record(context))]
    rows = [f"| {'<br>'.join(f'`{one}`' for one in names.split(', '))} | {cell(help)} |" for names, help in records]
    parts.append("\n".join(["## Options", "", "| option | meaning |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def short(group: click.Group, context: click.Context, name: str) -> str:
    """The line that the group's own help shows for a command."""
    command = group.get_command(context, name)
    assert command is not None
    return cell(command.get_short_help_str(200))


def text(help: str) -> str:
    """Help as Markdown: paragraphs, and what click must not wrap (after a backspace) as code."""
    blocks = []
    for block in re.split(r"\n\s*\n", help.strip()):
        if not block.lstrip().startswith("\b"):
            blocks.append(cell(block).replace("\\|", "|"))
            continue
        lines = block.lstrip().removeprefix("\b").strip("\n").splitlines()
        title = lines.pop(0) if lines and lines[0].endswith(":") else ""
        code = textwrap.dedent("\n".join(lines))
        blocks.append(f"{title}\n\n```bash\n{code}\n```".strip())
    return "\n\n".join(blocks)


def cell(words: str) -> str:
    """One line of a table."""
    return re.sub(r"\s+", " ", words).strip().replace("|", "\\|").replace("<", "&lt;")
