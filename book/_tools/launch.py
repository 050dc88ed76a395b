"""Where the book lives: one setting, the addresses that follow from it, the buttons of the site.

The setting is ``repository: url`` in ``_config.yml``. While it is empty no page, notebook or button
names an address. As a Sphinx extension, this gives each chapter a button that opens its notebook
of the Colab edition, which ``.github/workflows/publish.yml`` puts beside the page; a page may list
the assignments, with links to theirs, by ``{{ assignments }}``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

PAGES_BRANCH = "gh-pages"  # where the site and the Colab edition are published
COLAB = "https://colab.research.google.com"


@dataclass(frozen=True)
class Repository:
    """The repository of the book; ``url`` may be empty."""

    url: str = ""
    branch: str = "main"

    @property
    def name(self) -> str:
        """``owner/name`` on GitHub; empty elsewhere, where Colab does not reach."""
        parts = urlsplit(self.url)
        name = parts.path.strip("/").removesuffix(".git")
        on_github = parts.netloc == "github.com" and name.count("/") == 1
        return name if on_github else ""

    @property
    def site(self) -> str:
        """The site as GitHub Pages publishes it, without a slash at the end."""
        owner, _, name = self.name.partition("/")
        host = f"{owner.lower()}.github.io"
        if not owner:
            return ""
        return (
            f"https://{host}"
            if name.lower() == host
            else f"https://{host}/{name}"
        )

    def colab(self, page: str) -> str:
        """Where Colab opens the notebook of a page, ``book/<part>/<nn-slug>``."""
        if not self.name:
            return ""
        return f"{COLAB}/github/{self.name}/blob/{PAGES_BRANCH}/{page}.ipynb"


def read_setting(root: Path) -> Repository:
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    chosen = config.get("repository") or {}
    return Repository(
        **{key: chosen[key] for key in ("url", "branch") if chosen.get(key)}
    )


def add_button(app, config) -> None:
    """Tell the theme to make the button; it finds the address as ``Repository.colab`` does."""
    repository = read_setting(Path(app.srcdir))
    options = config.html_theme_options
    options["launch_buttons"] = {"colab_url": COLAB if repository.name else ""}
    options["repository_url"] = repository.url if repository.name else ""
    options["repository_branch"] = PAGES_BRANCH
    options["path_to_docs"] = ""
    listed = list_assignments(Path(app.srcdir), repository)
    config.myst_substitutions = {"assignments": listed}


def list_assignments(root: Path, repository: Repository) -> str:
    """A Markdown list of them; each is a link to Colab, if the address is set."""
    lines = []
    for master in sorted(root.glob("book/coursework/[0-9]*.py")):
        text = master.read_text(encoding="utf-8")
        title = re.search(r"^# # Assignment \d+: (.+)$", text, re.M)[1]
        title = title[0].upper() + title[1:]
        address = repository.colab(f"book/coursework/{master.stem}")
        lines.append(f"1. [{title}]({address})" if address else f"1. {title}")
    return "\n".join(lines)


def setup(app):
    app.connect("config-inited", add_button)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
