"""How the rows of a tile are dealt to equal parts: names and named indices, in the order of all tables and weights.

Adding one: append its name here and its record in `hwmodels.design.choices`, and deal by it wherever `BALANCED` is met;
what deals rows one by one raises an error for a schedule that it does not know, and expected tables hold NaN.
"""

SCHEDULES = ("row_blocks", "cyclic", "balanced")
"""Neighbouring rows together; row i to part i modulo their number; longest processing time first."""
ROW_BLOCKS, CYCLIC, BALANCED = range(len(SCHEDULES))

IN_ORDER = (ROW_BLOCKS, CYCLIC)
"""Those that deal rows by their place, whatever they hold."""
