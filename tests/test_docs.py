"""What documents say is there: links, commands, pages of every option, pinned actions, the README's marked commands."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from fmg_rt import distribution
from fmg_rt.cli import main as runtime
from fmg_rt.cli.run import run

ROOT = Path(__file__).parents[1]
FOLDERS = (".", "docs", "docs/receivers", "docs/service", "weights", "trainer")
DOCUMENTS = [path for folder in FOLDERS for path in (ROOT / folder).glob("*.md")]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]*))?\)")


def anchors(path):
    """The fragments that a Markdown file offers, as GitHub and MkDocs make them of its headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path):
    generated = {"library-reference.md"}
    for target, anchor in _LINK.findall(path.read_text(encoding="utf-8")):
        found = (path.parent / target).resolve() if target else path
        assert found.exists() or target in generated, f"{path.name}: {target}"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{path.name}: {target}#{anchor}"


def test_the_two_marked_commands_are_there():
    """`.ci/run` runs them as they stand."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    demo, tests = (re.search(rf"<!-- command: {name} -->\n```bash\n(.+)\n```\n", text) for name in ("demo", "tests"))
    assert "fmg-rt --input demo" in demo[1] and "pytest -q tests" in tests[1] and "pytest -q bench" in tests[1]
    extras = set(re.search(r"\[([\w,]+)\]", tests[1])[1].split(","))
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8").split("[options.extras_require]")[1]
    known = re.findall(r"^(\w+) =$", setup, re.MULTILINE)
    assert extras <= set(known) and "test" in extras
    first_screen = text.split("<!-- command: tests -->")[0]
    assert first_screen.count("\n") < 40 and "](docs/images/" in first_screen


def test_readmes_show_the_same_commands():
    english, japanese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md"))
    for command in re.findall(r"<!-- command: \w+ -->\n```bash\n(.+)\n```", english):
        assert command in japanese


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_readmes_say_how_it_is_installed_and_what_it_is_not(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for words in (
        "`pipx install .`",
        "`uv tool install .`",
        f"`{distribution.NAME}`",
        "`pip install fmg`",
        "docs/application.md",
    ):
        assert words in text, words


@pytest.mark.parametrize("name", ["README.md", "README.ja.md", "docs/receivers/index.md"])
def test_every_receiver_stands_in_the_table(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for page in (ROOT / "docs" / "receivers").glob("*.md"):
        assert page.name == "index.md" or re.search(rf"^\|.*\]\([\w/]*{page.name}\)", text, re.MULTILINE), page.name


def test_pages_name_every_option():
    """Pages are made of the same objects as ``--help``: nothing is missing."""
    pytest.importorskip("torch", reason="commands of the trainer need the extra [train]")
    from fmg_train.cli import main as trainer

    made = runpy.run_path(str(ROOT / "docs" / "generate" / "commands.py"))
    runtime.params = run.params
    pages = {}
    for name, program in (("fmg-rt", runtime), ("fmg-train", trainer)):
        pages |= dict(made["pages"](name, program))
    assert {"fmg-rt.md", "fmg-rt-bake.md", "fmg-train-prepare-claire.md"} <= set(pages)

    def check(command, context):
        page = pages[made["file"](context.command_path)]
        for param in command.get_params(context):
            for option in param.opts if isinstance(param, click.Option) and not param.hidden else ():
                assert option in page, f"{context.command_path} {option}"
        for child in command.list_commands(context) if isinstance(command, click.Group) else ():
            found = command.get_command(context, child)
            check(found, click.Context(found, info_name=child, parent=context))

    check(runtime, click.Context(runtime, info_name="fmg-rt"))
    check(trainer, click.Context(trainer, info_name="fmg-train"))


def test_options_in_documents_exist():
    """An option in a command line of the README or the docs is one of some command."""
    pytest.importorskip("torch", reason="commands of the trainer need the extra [train]")
    made = runpy.run_path(str(ROOT / "docs" / "generate" / "commands.py"))
    from fmg_train.cli import main as trainer

    runtime.params = run.params
    known = "\n".join(
        page for name, program in (("fmg-rt", runtime), ("fmg-train", trainer)) for _, page in made["pages"](name, program)
    )
    for path in DOCUMENTS:
        for line in re.findall(r"^(?:\S*/)?(fmg-(?:rt|train) .*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            for option in re.findall(r"(?<=\s)--[a-z][\w-]*", line.split("#")[0]):
                assert option in known, f"{path.name}: {line}"


def test_library_reference_has_every_public_name():
    import fmg_rt

    made = runpy.run_path(str(ROOT / "docs" / "generate" / "library.py"))
    page = made["page"](fmg_rt)
    for name in fmg_rt.__all__:
        assert name.startswith("__") or f"## {name}\n" in page
    assert "### Session.push\n" in page and "* `rate`: frames per second" in page


@pytest.mark.slow
def test_the_site_builds_without_a_broken_link(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("torch", reason="commands of the trainer need the extra [train]")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    home = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    for page in ("library-reference", "commands/fmg-rt-bake", "receivers/vrchat"):  # in the navigation
        assert f'href="{page}.html"' in home


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_pinned_and_may_only_read(path):
    text = path.read_text(encoding="utf-8")
    for use in re.findall(r"uses: *(.+)", text):
        assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v[\d.]+", use), use
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


def test_a_release_has_every_system_checksums_and_attestations():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))["jobs"]
    systems = jobs["application"]["strategy"]["matrix"]["os"]
    assert [name.partition("-")[0] for name in systems] == ["windows", "macos", "ubuntu"]
    said = {name: str(job["steps"]) for name, job in jobs.items()}
    assert "python -m build" in said["distribution"] and "packaging/application.py --archive" in said["application"]
    assert {"distribution", "application"} <= set(jobs["release"]["needs"])
    for step in ("sha256sum * > SHA256SUMS", "actions/attest-build-provenance@", "gh release create"):
        assert step in said["release"], step
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "pip"}
    security = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "Report a vulnerability privately" in security and "SHA256SUMS" in security


def test_licences_of_what_comes_along_are_named():
    page = (ROOT / "docs" / "licence.md").read_text(encoding="utf-8")
    for name in ("soxr", "libsndfile", "zeroconf"):
        assert re.search(rf"^\|.*\b{name}\b.*\| LGPL 2.1", page, re.MULTILINE), name
    assert "soxr and libsndfile are LGPL" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_a_release_is_called():
    version = distribution.__version__
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == version
