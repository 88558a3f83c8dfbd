"""A page for each command, from click's own objects, so that it cannot differ from `--help`."""

import re
from collections.abc import Iterator

import click


def pages(name: str, program: click.Group) -> Iterator[tuple[str, str]]:
    """(file below docs/commands, Markdown) of a program and of each of its commands."""
    context = click.Context(program, info_name=name)
    with context:
        yield f"{name}.md", page(program, context)
        for child in program.list_commands(context):
            command = program.get_command(context, child)
            assert command is not None
            yield f"{name}-{child}.md", page(command, click.Context(command, info_name=child, parent=context))


def page(command: click.Command, context: click.Context) -> str:
    """Usage, text, arguments and options of one command."""
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"# {context.command_path}", f"```text\n{usage}\n```", text(command.help or "")]
    if isinstance(command, click.Group):
        rows = [f"| [`{child}`]({context.command_path}-{child}.md) | {short(command, context, child)} |"
                for child in command.list_commands(context)]  # fmt: skip
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
        code = "\n".join(line.removeprefix("  ") for line in lines)
        blocks.append(f"{title}\n\n```bash\n{code}\n```".strip())
    return "\n\n".join(blocks)


def cell(words: str) -> str:
    """One line of a table."""
    return re.sub(r"\s+", " ", words).strip().replace("|", "\\|").replace("<", "&lt;")
