"""``python -m benchmarks.first_hour``: print the table of README.md."""

from benchmarks.first_hour import table

print(table())
