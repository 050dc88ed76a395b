"""reclib: the library that the chapters of *Autoencoders for Recommendation* import.

Built in floors, of which none imports one above it. The table, the matrix and pure functions of
them: ``ratings``, ``interactions``, ``metrics``, ``losses``, ``intervals``. Then ``datasets``,
``splits`` and ``models``; ``training``, ``evaluation``, ``tuning``, ``persistence`` and ``onnx``;
``recommending`` and ``comparing``; what measures and judges for the book, ``measuring``,
``experiments``, ``evidence`` and ``plots``; ``python -m reclib``.
"""

__version__ = "0.2.0.dev0"
