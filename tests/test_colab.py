"""The Colab edition: plain Markdown, nothing lost, no address we do not own, a careful set-up."""

from __future__ import annotations

import re
import subprocess
from types import SimpleNamespace

import nbformat
import pytest
import yaml

import colab
import colab_setup
import execute
from launch import Repository, list_assignments, read_setting

ROOT = execute.ROOT
CHAPTERS = execute.find_chapters()
SOMEWHERE = Repository("https://github.com/Someone/some-book")


@pytest.fixture(scope="module", params=list(CHAPTERS))
def chapter(request) -> execute.Chapter:
    return CHAPTERS[request.param]


@pytest.fixture(scope="module")
def edition(chapter) -> nbformat.NotebookNode:
    return colab.convert(chapter, Repository())


def markdown(notebook) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


# -- plain Markdown ------------------------------------------------------------------


def test_no_myst_is_left(chapter, edition):
    nbformat.validate(edition)
    for text in markdown(edition):
        assert not colab.find_leftovers(text)
    assert any(map(colab.find_leftovers, markdown(execute.read_source(chapter))))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("role", "as {cite:t}`liang2018variational` say"),
        ("role", "see {doc}`the\nfirst </book/foundations/01-ratings>`"),
        ("directive", ":::{note}\nText\n:::"),
        ("directive", "> ::::{exercise}"),
        ("directive", "```{prf:proof}\nText\n```"),
        ("option", ":label: thm-x"),
        ("label", "(ch-x)=\n# A title"),
        ("label of an equation", "$$\nx\n$$ (eq-x)"),
        ("comment", "% not shown"),
    ],
)
def test_what_is_left_is_found(kind, text):
    assert [found.partition(":")[0] for found in colab.find_leftovers(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    ["`{'a': 1}`", "$\\{x\\}$", "```python\n{1}\n```", "95 % of them", "f(x) = 2", "$$x$$ (y)"],
)
def test_plain_markdown_is_not_taken_for_myst(text):
    assert colab.find_leftovers(text.replace("(y)", "(see y)")) == []


SPECIAL = re.compile(r"\{[\w:-]+\}|`{3}|:{3}|\$\$|^\([\w:-]+\)=|^:[\w-]+:|^% ")


def test_no_line_of_prose_is_lost(chapter, edition):
    """Lines that are the same in both; what a role or directive becomes is tested below."""
    there = words(" ".join(markdown(edition)))
    for text in markdown(execute.read_source(chapter)):
        without_roles = re.sub(r"\{[\w:-]+\}`[^`]+`", "{role}", text)
        for line in without_roles.split("\n"):
            assert SPECIAL.search(line) or words(line) in there


def words(text: str) -> str:
    return " ".join(word for word in text.split() if word != ">")


def test_code_and_outputs_are_those_of_the_chapter(chapter, edition):
    cells = execute.code_cells(execute.read_notebook(chapter))
    set_up, *rest = execute.code_cells(edition)
    assert len(rest) == len(cells)
    for cell, other in zip(cells, rest, strict=True):
        if "parameters" not in cell.metadata.get("tags", []):
            assert other.source == cell.source
        assert [o.output_type for o in other.outputs] == [o.output_type for o in cell.outputs]
        assert other.execution_count is None and not other.metadata.get("mystnb")
    assert "set_up(" in set_up.source and not set_up.outputs


# -- what becomes of roles and directives ---------------------------------------------

TARGETS = {
    "/book/a/01-one": colab.Target("book/a/01-one", "", "One"),
    "/book/a/02-two": colab.Target("book/a/02-two", "", "Two"),
    "eq-x": colab.Target("book/a/01-one", "equation-eq-x", "(1.1)"),
    "thm-x": colab.Target("book/a/01-one", "thm-x", "Theorem 1.1"),
    "thm-y": colab.Target("book/a/02-two", "thm-y", "Theorem 2.1"),
    "ex-x": colab.Target("book/a/01-one", "ex-x", "Exercise 1.1"),
}

CASES = {
    "see {doc}`/book/a/02-two`": "see *Two*",
    "see {doc}`that </book/a/02-two>`": "see that",
    "by {eq}`eq-x` and\n{prf:ref}`thm-y`": "by (1.1) and\nTheorem 2.1",
    "{cite:t}`sedhain2015autorec` say": "Sedhain et al. (2015) say",
    "so {cite:p}`steck2019embarrassingly,liang2018variational`": (
        "so (Steck, 2019; Liang et al., 2018)"
    ),
    "(ch-x)=\n# A title": "# A title",
    "one\n% unseen\ntwo": "one\ntwo",
    "so\n\n$$\nx\n$$ (eq-x)\n\nand": "so\n\n$$\nx\n\\tag{1.1}\n$$\n\nand",
    "$$ x $$ (eq-x)": "$$\nx\n\\tag{1.1}\n$$",
    "```python\n{eq}`eq-x`\n```": "```python\n{eq}`eq-x`\n```",
    ":::{prf:theorem} Name\n:label: thm-x\n\nLet $a\n= b$:\n\n$$\nc\n  d\n$$\n:::": (
        "> **Theorem 1.1** (Name)\n>\n> Let $a = b$:\n>\n> $$c d$$"
    ),
    "```{prf:proof}\nBy {eq}`eq-x`.\n```": "*Proof.* By (1.1). ∎",
    ":::{prf:proof}\n$$\nx\n$$\n:::": "*Proof.* $$\nx\n$$\n\n∎",
    ":::{exercise} ◆ Count\n:label: ex-x\nHow many?\n:::": "**Exercise 1.1** ◆ Count\n\nHow many?",
    "````{solution} ex-x\n:class: dropdown\n```python\n1\n```\n````": (
        "<details>\n<summary>Solution of exercise 1.1</summary>\n\n```python\n1\n```\n\n</details>"
    ),
}


@pytest.mark.parametrize("text", CASES)
def test_myst_becomes_markdown(text):
    writer = colab.Writer("book/a/01-one", Repository(), TARGETS)
    assert writer.markdown(text) == CASES[text]


def test_with_a_site_references_to_other_pages_are_links():
    writer = colab.Writer("book/a/01-one", SOMEWHERE, TARGETS)
    site = "https://someone.github.io/some-book/book/a"
    said = writer.markdown("{doc}`/book/a/02-two`, {prf:ref}`thm-y`, {prf:ref}`thm-x`")
    assert (
        said == f"[Two]({site}/02-two.html), [Theorem 2.1]({site}/02-two.html#thm-y), Theorem 1.1"
    )


@pytest.mark.parametrize("text", [":::{tip}\nText\n:::", "{abbr}`RMSE`", ":::{exercise}\nno end"])
def test_what_has_no_rule_is_refused(text):
    with pytest.raises(ValueError, match=r"no rule|no end"):
        colab.Writer("book/a/01-one", Repository(), TARGETS).markdown(text)


def test_cited_works_stand_at_the_end(chapter, edition):
    keys = {
        key.strip()
        for text in markdown(execute.read_source(chapter))
        for keys in re.findall(r"\{cite(?::\w)?\}`([^`]+)`", text)
        for key in keys.split(",")
    }
    for key in keys:
        title = colab.plain(colab.read_bibliography().entries[key].fields["title"])
        assert title.lower()[:30] in edition.cells[-1].source.replace("\\", "").lower()


# -- one setting -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name", "site"),
    [
        ("", "", ""),
        (
            "https://github.com/Someone/some-book",
            "Someone/some-book",
            "someone.github.io/some-book",
        ),
        ("https://github.com/a/b.git", "a/b", "a.github.io/b"),
        ("https://github.com/a/a.github.io/", "a/a.github.io", "a.github.io"),
        ("https://gitlab.com/a/b", "", ""),
        ("file:///somewhere/book", "", ""),
    ],
)
def test_addresses_follow_from_the_setting(url, name, site):
    repository = Repository(url)
    assert repository.name == name
    assert repository.site == (f"https://{site}" if site else "")
    opened = f"https://colab.research.google.com/github/{name}/blob/gh-pages/book/p/01-x.ipynb"
    assert repository.colab("book/p/01-x") == (opened if name else "")


def test_the_setting_is_read_from_the_configuration(tmp_path):
    for text, expected in [
        ("title: x", Repository()),
        ("repository:\n  url: ''\n", Repository()),
        (
            "repository: {url: 'https://github.com/a/b', branch: v2}",
            Repository("https://github.com/a/b", "v2"),
        ),
    ]:
        (tmp_path / "_config.yml").write_text(text)
        assert read_setting(tmp_path) == expected


def test_without_an_address_there_is_none(chapter, edition):
    """Besides those of the works cited, which stand in the last cell."""
    there = {found for cell in execute.read_source(chapter).cells for found in addresses(cell)}
    for cell in edition.cells[:-1]:
        assert addresses(cell) <= there
    assert 'REPOSITORY = ""' in edition.cells[1].source


def addresses(cell) -> set[str]:
    return set(re.findall(r"https?://[^\s)>\]\"]+", cell.source))


def test_with_an_address_there_is_a_badge():
    notebook = colab.convert(CHAPTERS["05-autorec"], SOMEWHERE)
    about, set_up = notebook.cells[:2]
    page = "book/rating-prediction/05-autorec"
    assert about.source.startswith("[![Open in Colab](")
    assert SOMEWHERE.colab(page) in about.source
    assert f"{SOMEWHERE.site}/{page}.html" in about.source
    assert f'REPOSITORY = "{SOMEWHERE.url}"\n' in re.sub(r" +#.*", "", set_up.source)
    register = colab.convert(CHAPTERS["18-what-five-reports-claimed"], SOMEWHERE)
    text = nbformat.writes(register)
    assert f'href=\\"{SOMEWHERE.site}/book/foundations/01-ratings.html' in text
    assert 'href=\\"../' not in text


def test_assignments_are_listed_with_links_only_if_there_is_an_address():
    without, there = (list_assignments(ROOT, r) for r in (Repository(), SOMEWHERE))
    masters = sorted(path.stem for path in ROOT.glob("book/coursework/[0-9]*.py"))
    assert re.sub(r"\[(.+)\]\(.+\)", r"\1", there) == without and "](" not in without
    assert re.findall(r"coursework/(.+)\.ipynb\)$", there, re.M) == masters


def test_the_workflow_publishes_with_pinned_actions():
    text = (ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["publish"]["steps"]
    used = [step["uses"] for step in steps if "uses" in step]
    assert used and all(re.fullmatch(r"[\w/-]+@v\d+\.\d+\.\d+", action) for action in used)
    made = {word for step in steps for word in step.get("run", "").split()}
    assert {"html", "colab", "coursework", "_build/coursework/colab"} <= made
    assert {step["with"].get("publish_branch") for step in steps if "with" in step} >= {"gh-pages"}


# -- the form --------------------------------------------------------------------------


def test_the_form_gives_the_chapters_values_or_larger_ones(chapter, edition):
    [cell] = [c for c in edition.cells if "parameters" in c.metadata.get("tags", [])]
    source = execute.read_notebook(chapter)
    [plain] = [c for c in source.cells if "parameters" in c.metadata.get("tags", [])]
    expected, as_it_is, raised = {}, {}, {}
    exec(plain.source, {}, expected)
    exec(cell.source, {}, as_it_is)
    exec(cell.source.replace("paper_scale = False", "paper_scale = True"), {}, raised)
    assert as_it_is == {"paper_scale": False, **expected}
    assert raised["dataset"] == "ml-1m" and raised.keys() == as_it_is.keys()
    for name, value in expected.items():
        assert isinstance(raised[name], type(value)) or isinstance(value, float), name
    assert cell.source.count("# @param") == len(as_it_is)


# -- the set-up ------------------------------------------------------------------------


@pytest.fixture
def machine(monkeypatch) -> SimpleNamespace:
    """A machine with some packages; pip notes what it is told, and brings reclib."""
    have = {"torch": "2.13.0+cpu", "numpy": "2.0.2", "pandas": "2.2.3", "scikit-learn": "1.6"}
    asked = ["torch>=2.2", "numpy>=1.26", "pandas>=2.1", 'optuna>=4; extra == "tune"']
    machine = SimpleNamespace(have=have, asked=asked, calls=[], constraints="")

    def pip_install(*arguments):
        machine.calls.append(arguments)
        if arguments[0] == "--no-deps":
            have["reclib"] = "0.1.0"
        else:
            with open(arguments[1]) as file:
                machine.constraints = file.read()

    def distributions():
        return [SimpleNamespace(metadata={"Name": n}, version=v) for n, v in have.items()]

    monkeypatch.setattr(colab_setup, "pip_install", pip_install)
    monkeypatch.setattr(colab_setup, "version_of", have.get)
    monkeypatch.setattr(colab_setup.metadata, "requires", lambda name: asked)
    monkeypatch.setattr(colab_setup.metadata, "distributions", distributions)
    return machine


def test_set_up_installs_reclib_alone_where_all_else_is_there(machine, capsys):
    colab_setup.set_up("https://example.org/book", "v1", [])
    assert machine.calls == [("--no-deps", "git+https://example.org/book@v1")]
    said = capsys.readouterr().out
    assert "reclib 0.1.0 was installed from https://example.org/book" in said
    assert "nothing else was missing" in said and "training runs on the" in said


def test_set_up_does_nothing_the_second_time(machine, capsys):
    machine.have["reclib"] = "0.1.0"
    colab_setup.set_up("", "main", [])
    assert not machine.calls
    assert "installed already" in capsys.readouterr().out


def test_set_up_holds_every_version_where_something_is_missing(machine, capsys):
    machine.asked.append("seaborn>=0.13")
    colab_setup.set_up("https://example.org/book", "main", [])
    options, *wanted = machine.calls[1][0], *machine.calls[1][2:]
    assert (options, wanted) == ("--constraint", ["seaborn>=0.13"])
    assert machine.constraints.split() == sorted(f"{n}=={v}" for n, v in machine.have.items())
    assert "installed, since they were missing: seaborn>=0.13" in capsys.readouterr().out


def test_set_up_brings_what_only_a_chapter_needs(machine):
    colab_setup.set_up("https://example.org/book", "main", ["scikit-learn", "optuna>=4.2"])
    assert machine.calls[1][2:] == ("optuna>=4.2",)


@pytest.mark.parametrize(
    ("slug", "also"),
    [
        ("05-autorec", "[]"),
        ("10-implicit-feedback", "[]"),  # it has a split of the name tuning
        ("02-measuring", '["scikit-learn"]'),
        ("17-a-fair-comparison", '["optuna>=4.2"]'),
    ],
)
def test_a_chapter_names_what_only_it_needs(slug, also):
    set_up = colab.convert(CHAPTERS[slug], Repository()).cells[1].source
    assert set_up.endswith(f"set_up(REPOSITORY, BRANCH, also={also})")


def test_set_up_leaves_what_is_too_old_and_says_so(machine, capsys):
    machine.have["pandas"] = "1.5.3"
    colab_setup.set_up("https://example.org/book", "main", [])
    assert len(machine.calls) == 1
    assert "pandas 1.5.3 is here, wanted is pandas>=2.1" in capsys.readouterr().out


def test_set_up_without_an_address_says_what_to_set(machine):
    with pytest.raises(RuntimeError, match=r"REPOSITORY.*repository: url.*_config\.yml"):
        colab_setup.set_up("", "main", [])
    assert not machine.calls


def test_a_failure_of_pip_is_shown(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "no such repository")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: failed)
    with pytest.raises(RuntimeError, match="no such repository"):
        colab_setup.pip_install("git+https://example.org/book@main")


def test_the_real_requirements_are_met_here():
    assert colab_setup.judge(colab_setup.requirements_of("reclib")) == ([], [])
    missing, too_old = colab_setup.judge(["no-such-package>=1", "torch>=99"])
    assert missing == ["no-such-package>=1"] and len(too_old) == 1
