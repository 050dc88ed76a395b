"""Measurements of reclib beside other programs: `make bench`. reclib never imports this."""
