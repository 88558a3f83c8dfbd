"""Write the repository's address into a checkout that is about to be packed, for readers of a package index.

    python packaging/addresses.py https://example.org/owner/fmg v1.2.3

README.md gets absolute links and pictures, setup.cfg its `project_urls`. The release workflow knows the address; the source
tree does not, so that a copy under another address needs no edit.
"""

import re
import sys
from pathlib import Path

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|mailto:|#)([^)\s]+)\)")


def absolute(text: str, url: str, ref: str) -> str:
    """Markdown whose relative links and pictures point at the tag `ref` of the repository at `url`."""

    def link(match: re.Match[str]) -> str:
        picture, label, target = match.groups()
        return f"{picture}[{_LINK.sub(link, label)}]({url}/{'raw' if picture else 'blob'}/{ref}/{target})"

    return _LINK.sub(link, text)


def with_urls(setup: str, url: str) -> str:
    """setup.cfg with the addresses that a package index shows."""
    addresses = {
        "Source": url,
        "Documentation": f"{url}/tree/main/docs",
        "Changelog": f"{url}/blob/main/CHANGELOG.md",
        "Issues": f"{url}/issues",
    }
    lines = "".join(f"    {name} = {address}\n" for name, address in addresses.items())
    return setup.replace("license = MIT\n", f"license = MIT\nurl = {url}\nproject_urls =\n{lines}", 1)


def main(url: str, ref: str) -> None:
    root = Path(__file__).parents[1]
    readme, setup = root / "README.md", root / "setup.cfg"
    readme.write_text(absolute(readme.read_text(encoding="utf-8"), url, ref), encoding="utf-8")
    setup.write_text(with_urls(setup.read_text(encoding="utf-8"), url), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
