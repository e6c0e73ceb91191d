"""Compiled passes over the non-zeros run beside each other, one on each core."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def in_threads(work: Callable[[int], None], count: int) -> None:
    """`work(0)`, `work(1)`, ..., `work(count - 1)`, each in a thread."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(work, range(count)))
