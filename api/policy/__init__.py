"""Who may see and do what: pure functions. The four shapes are told in `schemas/shapes.py`."""
