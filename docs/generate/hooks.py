"""What MkDocs calls: pages that are generated, pages that stand elsewhere in the repository, and the links between them."""

import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
import commands
import library

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "LICENSE": "licence-text.md", "README.md": "index.md",
    "SECURITY.md": "security.md", "trainer/EXPERIMENTS.md": "experiments.md", "weights/README.md": "weights.md",
}  # fmt: skip
"""Files outside docs/ → their page."""
_LINK = re.compile(r"(!?)\[([^\[\]]*)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is generated."""
    import fmg_rt
    from fmg_rt.cli import main as runtime
    from fmg_rt.cli.run import run
    from fmg_train.cli import main as trainer

    runtime.params = run.params  # which the program itself does when it starts
    pages = {"library-reference.md": library.page(fmg_rt)}
    for name, program in (("fmg-rt", runtime), ("fmg-train", trainer)):
        pages |= {f"commands/{file}": text for file, text in commands.pages(name, program)}
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
