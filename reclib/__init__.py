"""reclib: the library that the chapters of *Autoencoders for Recommendation* import.

Ground floor: ``ratings``, ``interactions``, ``metrics``, ``losses``, and below it ``naming``,
which anyone may use. First floor: ``datasets``, ``splits``, ``models``. Second: ``evaluation``,
``training``. Third: ``evidence``, ``plots``. Roof: ``python -m reclib``. No room imports one
above it.
"""

__version__ = "0.1.0"
