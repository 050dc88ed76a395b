"""Sphinx extension: the site carries its own MathJax, so that equations render offline.

The files come from the installed package ``sphinx-mathjax-offline``. Used as an extension, that
package copies all of its 24 MB into ``_static``; a page needs one script and its fonts, 2 MB.
They may not lie in ``_static`` either: Jupyter Book would load the script a second time.
"""

import shutil
from importlib.metadata import distribution
from pathlib import Path

FILES = ("tex-chtml-full.js", "output/chtml/fonts/woff-v2")


def copy_mathjax(app, failure) -> None:
    if failure is not None or app.builder.format != "html":
        return
    package = distribution("sphinx-mathjax-offline")
    source = Path(package.locate_file("sphinx-mathjax-offline/static/mathjax"))
    target = Path(app.outdir, "mathjax")
    for name in FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / name, target / name)


def setup(app):
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
