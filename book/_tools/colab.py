"""Make the Colab edition: of each executed chapter a notebook of plain Markdown.

``book/<part>/<nn-slug>.ipynb`` gives ``_build/colab/<part>/<nn-slug>.ipynb``. Directives and roles
that only the site understands become Markdown that Colab and Jupyter show as it is meant; numbers
of equations, theorems and exercises are those of the site. A cell that sets up comes first, the
parameters become a form, and the stored outputs stay, so that a page can be read before it is run.

Where the book lives is one setting, ``repository: url`` in ``_config.yml``. Without it there are no
badges and no links to the site, and the first cell says what to set.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from pybtex.database import parse_file
from pybtex.plugin import find_plugin
from pybtex.richtext import Text

import execute
from execute import ROOT, Chapter
from launch import COLAB, Repository, read_setting

TARGET = ROOT / "_build" / "colab"
SETUP = Path(__file__).with_name("colab_setup.py")
SETUP_TITLE = '# @title Set up: run this first { display-mode: "form" }'

# The recorded experiment, and the row of it, that a chapter's parameters can be raised to. The
# chapters that are not named here have none; for them it means another data set.
PAPER_SCALE = {
    "03-baselines": ("baselines-ml1m", "biases"),
    "05-autorec": ("autorec-ml1m", "I-AutoRec"),
    "06-going-deep": ("ladder-ml1m", "deep"),
    "07-noise-and-variation": ("gao-ml1m", "single layer"),
    "08-latent-augmentation": ("steiner-ml1m", "regular"),
    "09-linear-autoencoders": ("topn-ml1m", "EASE"),
    "10-implicit-feedback": ("topn-ml1m", "iALS"),
    "11-cdae": ("topn-ml1m", "CDAE"),
    "12-multinomial-autoencoders": ("topn-ml1m", "Mult-VAE"),
    "13-recvae": ("recvae-ml1m", "RecVAE"),
    "14-ract": ("topn-ml1m", "RaCT"),
    "15-svae": ("svae-ml1m", "SVAE, time"),
    "16-what-came-after": ("topn-ml1m", "EASE"),
    "17-a-fair-comparison": ("topn-ml1m", "EASE"),
}
# What a chapter needs besides reclib and its requirements, by what its code has.
ALSO = {
    "sklearn": "scikit-learn",
    "tuning.suggest": "optuna>=4.2",
    "tuning.tune": "optuna>=4.2",
}
DATASETS = ["ml-latest-small", "ml-100k", "ml-1m"]


# -- blocks of a Markdown cell -------------------------------------------------------

FENCE = re.compile(r"(:{3,}|`{3,})(.*)")
DIRECTIVE = re.compile(r"\{([\w:-]+)\}\s*(.*)")
OPTION = re.compile(r":([\w-]+):\s*(.*)")
LABEL = re.compile(r"\(([\w:-]+)\)=\s*")
ROLE = re.compile(r"\{([\w:-]+)\}`([^`]+)`")
MATH_END = re.compile(r"\$\$(?:\s*\(([\w:-]+)\))?\s*")
ONE_LINE_MATH = re.compile(r"\$\$(.+)\$\$(?:\s*\(([\w:-]+)\))?\s*")


@dataclass
class Block:
    """A piece of a Markdown cell; ``kind`` is prose, code, math, label or a directive's name."""

    kind: str
    body: str
    title: str = ""
    options: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> list[Block]:
    """The blocks of a Markdown text; what directives hold is left as text."""
    blocks, lines, at = [], text.split("\n"), 0
    while at < len(lines):
        line = lines[at]
        if fence := FENCE.fullmatch(line.strip()):
            marks, rest = fence.groups()
            end = closing(lines, at + 1, marks)
            inside = lines[at + 1 : end]
            if directive := DIRECTIVE.fullmatch(rest.strip()):
                blocks.append(read_directive(*directive.groups(), inside))
            else:
                blocks.append(Block("code", "\n".join(lines[at : end + 1])))
            at = end + 1
        elif math := ONE_LINE_MATH.fullmatch(line):
            blocks.append(Block("math", math[1].strip(), math[2] or ""))
            at += 1
        elif line.startswith("$$"):
            end = at + 1
            while not lines[end].startswith("$$"):
                end += 1
            label = MATH_END.fullmatch(lines[end])[1] or ""
            blocks.append(Block("math", "\n".join(lines[at + 1 : end]), label))
            at = end + 1
        elif label := LABEL.fullmatch(line):
            blocks.append(Block("label", label[1]))
            at += 1
        else:
            if not line.startswith("% "):  # a comment
                if blocks and blocks[-1].kind == "prose":
                    blocks[-1].body += "\n" + line
                else:
                    blocks.append(Block("prose", line))
            at += 1
    return blocks


def closing(lines: list[str], start: int, marks: str) -> int:
    for at in range(start, len(lines)):
        line = lines[at].strip()
        if set(line) == {marks[0]} and len(line) >= len(marks):
            return at
    raise ValueError(f"no end of the block after: {lines[start - 1]}")


def read_directive(name: str, title: str, lines: list[str]) -> Block:
    options = {}
    while lines and (option := OPTION.fullmatch(lines[0].strip())):
        options[option[1]] = option[2]
        lines = lines[1:]
    return Block(name, "\n".join(lines).strip("\n"), title, options)


# -- what carries a label ------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """A labelled thing: the page and anchor where it is, and what a reference says."""

    page: str
    anchor: str
    text: str


@cache
def find_targets(root: Path = ROOT) -> dict[str, Target]:
    """Every page by its path, and every label, with the numbers that the site gives."""
    targets = {}
    for path in sorted(root.glob("book/*.md")):
        page = f"book/{path.stem}"
        targets["/" + page] = Target(
            page, "", title_of(path.read_text(encoding="utf-8"))
        )
    for number, chapter in enumerate(
        execute.find_chapters(root).values(), start=1
    ):
        page, counts = page_of(chapter), Counter()
        cells = execute.read_source(chapter).cells
        text = "\n\n".join(
            cell.source for cell in cells if cell.cell_type == "markdown"
        )
        targets["/" + page] = Target(page, "", title_of(text))
        for block in walk(parse(text)):
            kind = block.kind
            if kind == "label":
                label, said = block.body, title_of(text)
            elif kind == "math":
                label = block.title
                said = f"({number}.{counts['math'] + 1})"
            else:
                label = block.options.get("label", "")
                said = f"{kind.removeprefix('prf:').capitalize()} {number}.{counts[kind] + 1}"
            if label:
                counts[kind] += 1
                anchor = f"equation-{label}" if kind == "math" else label
                targets[label] = Target(page, anchor, said)
    return targets


def walk(blocks: list[Block]):
    """All blocks in the order of the page, those within directives too."""
    for block in blocks:
        yield block
        if block.kind.startswith("prf:") or block.kind in (
            "exercise",
            "solution",
        ):
            yield from walk(parse(block.body))


def page_of(chapter: Chapter) -> str:
    return chapter.source.relative_to(chapter.root).with_suffix("").as_posix()


def title_of(text: str) -> str:
    return re.search(r"^# (.+)$", text, re.M)[1]


# -- the works cited -----------------------------------------------------------------


@cache
def read_bibliography(root: Path = ROOT):
    return parse_file(str(root / "book" / "references.bib"))


def authors_and_year(key: str) -> tuple[str, str]:
    entry = read_bibliography().entries[key]
    people = entry.persons.get("author") or entry.persons["editor"]
    names = [plain(" ".join([*p.prelast_names, *p.last_names])) for p in people]
    if len(names) > 2:
        names = [f"{names[0]} et al."]
    return " and ".join(names), entry.fields.get("year", "undated")


def plain(latex: str) -> str:
    return str(Text.from_latex(latex))


def list_of_works(keys: set[str]) -> str:
    """The works cited, as a list in the order of the site's."""
    style = find_plugin("pybtex.style.formatting", "plain")()
    backend = MarkdownBackend()
    entries = style.format_bibliography(read_bibliography(), sorted(keys))
    return "\n".join(
        "* " + " ".join(entry.text.render(backend).split()) for entry in entries
    )


class MarkdownBackend(find_plugin("pybtex.backends", "markdown")):
    """Of the marks of Markdown only those are escaped that a title could be mistaken for."""

    def format_str(self, text: str) -> str:
        return re.sub(r"([*_`$])", r"\\\1", text)


# -- from MyST to Markdown -----------------------------------------------------------


class Writer:
    """Turns the Markdown cells of one chapter into plain Markdown, and notes what they cite."""

    def __init__(
        self, page: str, repository: Repository, targets: dict[str, Target]
    ):
        self.page, self.repository, self.targets = page, repository, targets
        self.cited: set[str] = set()

    def markdown(self, text: str) -> str:
        parts = [self.block(block) for block in parse(text)]
        return re.sub(
            r"\n{3,}", "\n\n", "\n".join(p for p in parts if p is not None)
        ).strip("\n")

    def block(self, block: Block) -> str | None:
        if block.kind == "label":
            return None
        if block.kind == "prose":
            return ROLE.sub(self.role, block.body)
        if block.kind == "code":
            return block.body
        if block.kind == "math":
            return self.math(block)
        if block.kind == "exercise":
            head = f"**{self.said(block)}** {block.title}".strip()
            return f"\n{head}\n\n{self.markdown(block.body)}\n"
        if block.kind == "solution":
            head = f"Solution of {self.targets[block.title].text.lower()}"
            body = self.markdown(block.body)
            return f"\n<details>\n<summary>{head}</summary>\n\n{body}\n\n</details>\n"
        if block.kind == "prf:proof":
            return "\n" + self.proof(self.markdown(block.body)) + "\n"
        if block.kind.startswith("prf:"):
            head = f"**{self.said(block)}**" + (
                f" ({block.title})" if block.title else ""
            )
            return "\n" + quote(f"{head}\n\n{self.markdown(block.body)}") + "\n"
        raise ValueError(
            f"{self.page}: no rule for the directive {block.kind!r}"
        )

    def said(self, block: Block) -> str:
        return self.targets[block.options["label"]].text

    def math(self, block: Block) -> str:
        tag = ""
        if block.title:
            tag = f"\n\\tag{{{self.targets[block.title].text.strip('()')}}}"
        return f"$$\n{block.body}{tag}\n$$"

    def proof(self, body: str) -> str:
        end = "\n\n∎" if body.endswith(("$$", "```")) else " ∎"
        return f"*Proof.* {body}{end}"

    def role(self, match: re.Match) -> str:
        name, content = match.groups()
        content = " ".join(content.split())
        if name.startswith("cite"):
            return self.citation(
                name, [key.strip() for key in content.split(",")]
            )
        if name in ("doc", "ref", "eq", "prf:ref", "numref"):
            said = re.fullmatch(r"(.*?)\s*<(.+)>", content)
            target = self.targets[said[2] if said else content]
            return self.link(said[1] if said else target.text, target)
        raise ValueError(f"{self.page}: no rule for the role {name!r}")

    def citation(self, name: str, keys: list[str]) -> str:
        self.cited.update(keys)
        works = [authors_and_year(key) for key in keys]
        if name == "cite:t":
            return ", ".join(f"{authors} ({year})" for authors, year in works)
        return f"({'; '.join(f'{who}, {year}' for who, year in works)})"

    def link(self, text: str, target: Target) -> str:
        """To the published site; without one the words alone, the title of a page in italics."""
        elsewhere = target.page != self.page
        if self.repository.site and elsewhere:
            anchor = f"#{target.anchor}" if target.anchor else ""
            return (
                f"[{text}]({self.repository.site}/{target.page}.html{anchor})"
            )
        is_title = text == self.targets["/" + target.page].text
        return f"*{text}*" if is_title and elsewhere else text


def quote(text: str) -> str:
    """As a block quote. A formula must stand on one line: Jupyter reads it before the quote."""
    text = re.sub(r"\$\$(.+?)\$\$|\$(.+?)\$", on_one_line, text, flags=re.S)
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def on_one_line(formula: re.Match) -> str:
    words = " ".join(formula[0].split())
    return words.replace("$$ ", "$$").replace(" $$", "$$")


LEFTOVERS = {
    "role": ROLE,
    "directive": re.compile(r"^[\s>]*(?::{3,}|`{3,}\s*\{)", re.M),
    "option": re.compile(r"^[\s>]*:(?:label|class|name|nonumber):", re.M),
    "label": re.compile(r"^[\s>]*\([\w:-]+\)=\s*$", re.M),
    "label of an equation": re.compile(r"\$\$[ \t]*\([\w:-]+\)"),
    "comment": re.compile(r"^% ", re.M),
}


def find_leftovers(text: str) -> list[str]:
    """What of MyST is left in a text that should be plain Markdown."""
    found = [
        (kind, pattern.search(text)) for kind, pattern in LEFTOVERS.items()
    ]
    return [f"{kind}: {match[0].strip()}" for kind, match in found if match]


# -- a notebook ----------------------------------------------------------------------


def convert(chapter: Chapter, repository: Repository) -> NotebookNode:
    """The chapter's source, with the stored outputs, as a notebook of this edition."""
    notebook = execute.with_outputs(
        execute.read_source(chapter), execute.read_notebook(chapter)
    )
    writer = Writer(page_of(chapter), repository, find_targets(chapter.root))
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = NotebookNode()
        if cell.cell_type == "markdown":
            cell.source = writer.markdown(cell.source)
            continue
        cell.source = move_links(cell.source, repository)
        cell.execution_count = None  # here it has not run yet
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = None
            if html := output.get("data", {}).get("text/html"):
                output.data["text/html"] = move_links(html, repository)
        if "parameters" in tags:
            cell.metadata.tags = ["parameters"]
            cell.source = as_form(cell.source, paper_scale(chapter.slug))
        elif "hide-input" in tags:
            cell.metadata.jupyter = {"source_hidden": True}
    if writer.cited:
        notebook.cells[-1].source += "\n\n" + list_of_works(writer.cited)
    about = (
        f"*A chapter of {the_book(repository, page_of(chapter))}, as a notebook for Colab and "
        "Jupyter. The outputs were stored when the book was made. To run it, begin with the next "
        "cell: it installs what is missing.*"
    )
    first = opening(about, page_of(chapter), repository, needed_by(notebook))
    notebook.cells = [*first, *notebook.cells]
    notebook.metadata.colab = {"name": chapter.notebook.name, "provenance": []}
    return notebook


def the_book(repository: Repository, page: str) -> str:
    title = "Autoencoders for Recommendation"
    site = repository.site
    return f"[{title}]({site}/{page}.html)" if site else title


def opening(
    about: str, page: str, repository: Repository, also: list[str]
) -> list[NotebookNode]:
    """The first cells: where this comes from, with a badge, and the set-up."""
    if address := repository.colab(page):
        badge = f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({address})"
        about = f"{badge}\n\n{about}"
    code = (
        f"{SETUP_TITLE}\n"
        f"REPOSITORY = {json.dumps(repository.url)}  # where reclib is installed from\n"
        f"BRANCH = {json.dumps(repository.branch)}\n\n"
        f"{SETUP.read_text(encoding='utf-8')}\n\nset_up(REPOSITORY, BRANCH, also={json.dumps(also)})"
    )
    cells = [
        new_markdown_cell(about, id="about"),
        new_code_cell(code, id="set-up"),
    ]
    cells[1].metadata.jupyter = {"source_hidden": True}
    return cells


def needed_by(notebook: NotebookNode) -> list[str]:
    code = "\n".join(cell.source for cell in execute.code_cells(notebook))
    return [
        package
        for word, package in ALSO.items()
        if re.search(rf"\b{re.escape(word)}\b", code)
    ]


def move_links(html: str, repository: Repository) -> str:
    """Let links from an output to other chapters lead to the site, if there is one."""
    if not repository.site:
        return html
    return html.replace('href="../', f'href="{repository.site}/book/')


# -- the parameters as a form --------------------------------------------------------


def as_form(code: str, raised: dict[str, object]) -> str:
    """The parameters as fields of a form, with a box that raises them to the paper's scale."""
    lines = [
        "# @title Parameters",
        'paper_scale = False  # @param {type: "boolean"}',
    ]
    chosen = {}
    for statement in ast.parse(code).body:
        name, value = statement.targets[0].id, ast.literal_eval(statement.value)
        if name in raised and raised[name] != value:
            chosen[name] = raised[name]
        lines.append(
            f"{ast.get_source_segment(code, statement)}  # @param {field_of(name, value)}"
        )
    lines += [
        "if paper_scale:",
        *(f"    {name} = {value!r}" for name, value in chosen.items()),
    ]
    return "\n".join(lines).replace("'", '"')


def field_of(name: str, value: object) -> str:
    if name == "dataset":
        return json.dumps(DATASETS) + " {allow-input: true}"
    if name == "device":
        return json.dumps(["auto", "cpu", "cuda"])
    kind = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
    }.get(type(value), "raw")
    return json.dumps({"type": kind})


def paper_scale(slug: str) -> dict[str, object]:
    """The parameters' values in the recorded experiment, by the name they have in a chapter."""
    raised = {"dataset": "ml-1m", "device": "auto"}
    if slug not in PAPER_SCALE:
        return raised
    name, label = PAPER_SCALE[slug]
    [point] = [p for p in experiments()[name].points if p.label == label]
    settings = point.settings
    raised |= {"dataset": settings["dataset"]} | settings["protocol"]
    raised |= defaults(settings["model"]["name"]) | settings["model"]
    raised |= settings.get("training", {})
    if slug == "07-noise-and-variation":  # a number there: one hidden layer
        [raised["hidden"]] = raised["hidden"]
    return raised


def defaults(model: str) -> dict[str, object]:
    """The options of a model that have a value unless another is given."""
    from reclib import models  # here, since it takes seconds to import

    options = inspect.signature(getattr(models, model)).parameters.values()
    return {option.name: option.default for option in options}


@cache
def experiments() -> dict:
    from reclib.experiments import load_experiments  # as above

    return load_experiments()


# -- command line --------------------------------------------------------------------


def make(
    repository: Repository, target: Path = TARGET, root: Path = ROOT
) -> list[Path]:
    """Write the edition; returns its notebooks."""
    made = []
    for chapter in execute.find_chapters(root).values():
        path = target / chapter.source.parent.name / chapter.notebook.name
        execute.write_if_changed(
            path, execute.as_text(convert(chapter, repository))
        )
        made.append(path)
    return made


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    setting = read_setting(ROOT)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--repository",
        default=setting.url,
        help="in place of repository: url in _config.yml",
    )
    parser.add_argument(
        "--branch", default=setting.branch, help="a branch, tag or commit of it"
    )
    parser.add_argument(
        "--into", type=Path, default=TARGET, help="the folder to write to"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    repository = Repository(options.repository, options.branch)
    made = make(repository, options.into)
    size = sum(path.stat().st_size for path in made) / 1e6
    print(f"{len(made)} notebooks, {size:.1f} MB, in {options.into}")
    if not repository.url:
        print(
            "No repository is set in _config.yml: the notebooks have no badge and ask for it."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
