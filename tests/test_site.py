"""The site, built from the stored outputs, is whole, works offline and refuses what is broken."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import solutions
import yaml
from bs4 import BeautifulSoup
from sphinx.search.en import SearchEnglish
from sphinx.util.inventory import InventoryFile
from test_docstrings import ROOMS, public_names

import colab
import execute
import launch

ROOT = execute.ROOT
CHAPTERS = execute.find_chapters()
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
TEXT = (".html", ".ipynb", ".js", ".json", ".md", ".py", ".txt")


def pages_of(entries: list[dict]) -> list[str]:
    """The pages of a table of contents, those below others included."""
    found = []
    for entry in entries:
        found += [entry["file"], *pages_of(entry.get("sections", []))]
    return found


PAGES = [TOC["root"], *(page for part in TOC["parts"] for page in pages_of(part["chapters"]))]


def build(source: Path, target: Path) -> subprocess.CompletedProcess:
    """Build as the Makefile does. The target lies outside the book, so every page is read anew."""
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "build", "-W", "-n", "--keep-going"]
    return subprocess.run(
        [*command, "--path-output", target, source],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def small_book(folder: Path) -> Path:
    """A book with the settings of the real one, and one page, ``book/index``, yet to be written."""
    book = folder / "source"
    for name in ("book/_static", "book/_tools"):
        shutil.copytree(ROOT / name, book / name)
    for name in ("_config.yml", "book/references.bib"):
        shutil.copy(ROOT / name, book / name)
    (book / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    return book


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = build(ROOT, target)
    assert done.returncode == 0, done.stderr[-3000:]
    return target / "_build" / "html"


def read(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def article(site: Path, page: str) -> BeautifulSoup:
    return read(site / f"{page}.html").find(class_="bd-article")


def chapter_page(chapter: execute.Chapter) -> str:
    return chapter.source.relative_to(ROOT).with_suffix("").as_posix()


# -- complete ----------------------------------------------------------------------


def test_every_chapter_is_in_the_table_of_contents():
    assert {chapter_page(chapter) for chapter in CHAPTERS.values()} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_page_is_there_and_reads_well(site, page):
    content = article(site, page)
    assert len(content.get_text(" ", strip=True)) > 100, "hardly any text"
    levels = [int(heading.name[1]) for heading in content.find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1 and levels.count(1) == 1, f"one title, first: {levels}"
    steps = [below - above for above, below in zip(levels, levels[1:], strict=False)]
    assert all(step <= 1 for step in steps), f"a level is left out: {levels}"
    for image in content.find_all("img"):
        assert image.get("alt", "").strip(), f"no alternative text: {image.get('src')}"
        assert not re.search(r"\.(png|svg)$|^Logo image$", image["alt"]), "a file name says nothing"


@pytest.mark.parametrize("slug", CHAPTERS)
def test_page_shows_every_output_of_its_notebook(site, slug):
    cells = execute.code_cells(execute.read_notebook(CHAPTERS[slug]))
    hidden = {"remove-cell", "remove-output"}
    shown = [c for c in cells if c.outputs and not hidden & set(c.metadata.get("tags", []))]
    content = article(site, chapter_page(CHAPTERS[slug]))
    assert len(content.find_all("div", class_="cell_output")) == len(shown) > 0


@pytest.fixture(scope="session")
def found_by_search(site) -> dict[str, set[str]]:
    """For each page the words, as stems, by which the search finds it."""
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("(") + 1 : text.rindex(")")])
    found = {page: set() for page in index["docnames"]}
    for stem, pages in [*index["terms"].items(), *index["titleterms"].items()]:
        for page in [pages] if isinstance(pages, int) else pages:
            found[index["docnames"][page]].add(stem)
    return found


@pytest.mark.parametrize("slug", CHAPTERS)
def test_search_finds_a_chapter_by_the_words_of_its_headings(site, found_by_search, slug):
    page, stem = chapter_page(CHAPTERS[slug]), SearchEnglish({}).stem
    assert len(found_by_search[page]) > 200
    for heading in article(site, page).find_all(["h1", "h2"]):
        for word in re.findall(r"\b[a-z]{6,}\b", heading.get_text().lower()):
            assert stem(word) in found_by_search[page], f"{word!r} is not found"


@pytest.mark.parametrize("room", ROOMS)
def test_the_reference_shows_every_public_name(site, room):
    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, path: path)
    shown = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    assert {f"{room}.{name}" for name in public_names(room)} <= shown
    assert f"{room}._private" not in shown


# -- offline -----------------------------------------------------------------------


def loaded_by(html: BeautifulSoup) -> list[str]:
    """Addresses a browser fetches to show a page; where a link leads does not count."""
    found = [tag["src"] for tag in html.find_all(src=True)]
    skip = {"canonical", "search", "next", "prev", "index", "author", "license"}
    for link in html.find_all("link", href=True):
        if not skip & set(link.get("rel", [])):
            found.append(link["href"])
    found += [tag["data"] for tag in html.find_all("object", data=True)]
    for style in html.find_all("style"):
        found += loaded_by_css(style.get_text())
    return found


def loaded_by_css(css: str) -> list[str]:
    urls = re.findall(r"""url\(\s*['"]?([^'")]+)""", css)
    return urls + re.findall(r"""@import\s+['"]([^'"]+)""", css)


def test_nothing_is_loaded_from_another_host(site):
    pages = [*site.glob("*.html"), *site.glob("book/**/*.html")]
    styles = list(site.rglob("*.css"))
    assert len(pages) > len(PAGES) and styles
    for file in [*pages, *styles]:
        urls = loaded_by(read(file)) if file.suffix == ".html" else loaded_by_css(file.read_text())
        for url in urls:
            parts = urlsplit(url)
            assert parts.scheme in ("", "data") and not parts.netloc, f"{file.name} loads {url}"
            if file.suffix == ".html" and parts.path and not parts.scheme:
                assert (file.parent / unquote(parts.path)).exists(), f"{file.name}: no {url}"


def test_no_solution_of_an_assignment_is_published(site):
    """Neither on a page nor in the index of the search, nor in any other file of text."""
    texts = {path: solutions.text_of(path) for path in site.rglob("*") if path.suffix in TEXT}
    assert len(texts) > len(PAGES)
    for slug in solutions.MASTERS:
        found = {path.name: solutions.leaks(slug, text) for path, text in texts.items()}
        assert not any(found.values()), found


def test_formulas_are_drawn_by_the_local_mathjax(site):
    with_formulas = [page for page in PAGES if article(site, page).find(class_="math")]
    assert with_formulas
    mathjax = site / "mathjax" / "tex-chtml-full.js"
    for page in with_formulas:
        file = site / f"{page}.html"
        scripts = read(file).find_all("script", src=re.compile("(?i)mathjax"))
        assert [(file.parent / tag["src"]).resolve() for tag in scripts] == [mathjax.resolve()]
    assert mathjax.stat().st_size > 1_000_000
    assert len(list((site / "mathjax/output/chtml/fonts/woff-v2").glob("*.woff"))) > 20


# -- the Colab edition -------------------------------------------------------------


@pytest.mark.parametrize("slug", CHAPTERS)
def test_numbers_are_those_of_the_colab_edition(site, slug):
    content = article(site, chapter_page(CHAPTERS[slug]))
    notebook = colab.convert(CHAPTERS[slug], launch.Repository())
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    equations = [tag.get_text().strip("()#\uf0c1") for tag in content.find_all(class_="eqno")]
    assert equations == re.findall(r"\\tag\{(.+?)\}", text)
    captions = [
        " ".join(tag.get_text().split()) for tag in content.find_all(class_="caption-number")
    ]
    assert captions == re.findall(r"^(?:> )?\*\*([A-Z][a-z]+ \d+\.\d+)\*\*", text, re.M)
    for tag in content.find_all("span", class_="std-numref"):
        assert tag.get_text() in text


@pytest.mark.parametrize("url", ["", "https://github.com/someone/some-book"])
def test_a_button_leads_to_colab_if_the_address_is_set(tmp_path, url):
    book = small_book(tmp_path)
    config = (book / "_config.yml").read_text(encoding="utf-8")
    assert '\n  url: ""\n' in config
    (book / "_config.yml").write_text(config.replace('\n  url: ""\n', f"\n  url: {url!r}\n"))
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# A page"), nbformat.v4.new_code_cell("1")],
        metadata=execute.METADATA,
    )
    nbformat.write(notebook, book / "book" / "index.ipynb")
    done = build(book, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    page = read(tmp_path / "_build" / "html" / "book" / "index.html")
    opened = [tag["href"] for tag in page.find_all(href=re.compile("colab|github|executablebooks"))]
    assert set(opened) == ({launch.Repository(url).colab("book/index")} if url else set())


# -- what is broken fails the build ------------------------------------------------

BROKEN = {
    "reference": ("See {ref}`nowhere`.", "nowhere"),
    "page": ("See {doc}`/book/nowhere`.", "nowhere"),
    "citation": ("As {cite:t}`nobody1900` says.", "nobody1900"),
    "equation": ("By {eq}`eq-nowhere`.", "eq-nowhere"),
    "image": ("![A curve that is not there](nowhere.png)", "nowhere.png"),
}


@pytest.mark.parametrize("kind", ["nothing", *BROKEN])
def test_a_build_fails_if_something_is_broken(tmp_path, kind):
    """A book of one page with the settings of the real one."""
    text, complaint = BROKEN.get(kind, ("All is well.", ""))
    book = small_book(tmp_path)
    (book / "book" / "index.md").write_text(f"# A page\n\n{text}\n")
    done = build(book, tmp_path)
    assert (done.returncode == 0) == (kind == "nothing"), done.stderr[-2000:]
    assert complaint in done.stderr
