"""What MkDocs calls: pages that are generated, pages that stand elsewhere in the repository, and the links between them."""

import posixpath
import re
import sys
from pathlib import Path

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
import commands
import library

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "LICENSE": "licence-text.md",
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "trainer/EXPERIMENTS.md": "experiments.md",
    "weights/README.md": "weights.md",
}
"""Files outside docs/ → their page."""
_LINK = re.compile(r"(!?)\[([^\[\]]*)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")


def command_pages() -> dict[str, str]:
    """File below docs/ → Markdown, of every command."""
    from fmg_rt.cli import main as runtime
    from fmg_rt.cli.run import run
    from fmg_train.cli import main as trainer

    runtime.params = run.params  # which the program itself does when it starts
    programs = (("fmg-rt", runtime), ("fmg-train", trainer))
    return {f"commands/{file}": text for name, program in programs for file, text in commands.pages(name, program)}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the empty sections of the navigation with what is there: folders, commands, and pages that no line names."""
    docs = Path(config.docs_dir)
    for name in ("receivers", "service"):
        pages = sorted(path.relative_to(docs).as_posix() for path in docs.glob(f"{name}/*.md"))
        _fill(config.nav, name.title(), sorted(pages, key=lambda page: not page.endswith("/index.md")))
    _fill(config.nav, "Commands", list(command_pages()))
    named = yaml.safe_dump(config.nav)
    _fill(config.nav, "More", sorted(path.name for path in docs.glob("*.md") if path.name not in named))
    return config


def _fill(nav: list, name: str, pages: list[str]) -> None:
    for entry in list(nav):
        for title, children in list(entry.items()) if isinstance(entry, dict) else ():
            if title == name and pages:
                entry[title] = pages
            elif title == name:
                nav.remove(entry)
            elif isinstance(children, list):
                _fill(children, name, pages)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is generated."""
    import fmg_rt

    pages = {"library-reference.md": library.page(fmg_rt)} | command_pages()
    for source, target in ELSEWHERE.items():
        if target != "index.md":
            pages[target] = (ROOT / source).read_text(encoding="utf-8")
    pages["licence-text.md"] = f"# MIT licence\n\n{pages['licence-text.md']}"
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to files outside docs/ lead to their page; without one, and without a known address, they become text."""
    here = page.file.src_uri
    source = next((name for name, target in ELSEWHERE.items() if target == here and here != "index.md"), f"docs/{here}")

    def link(match: re.Match[str]) -> str:
        picture, label, target, anchor = match.groups()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        name = ELSEWHERE.get(path, path.removeprefix("docs/") if path.startswith("docs/") else "")
        if name and files.get_file_from_path(name):
            return f"{picture}[{label}]({posixpath.relpath(name, posixpath.dirname(here))}{anchor or ''})"
        if not path.startswith("docs/") and (ROOT / path).exists():
            return f"[{label}]({config.repo_url.rstrip('/')}/blob/main/{path})" if config.repo_url else f"{label} (`{path}`)"
        return match[0]

    return _LINK.sub(link, markdown)
