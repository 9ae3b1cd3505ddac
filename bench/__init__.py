"""Measures wiretale against other tools on captures that it makes itself. `python -m bench --help` tells how."""
