"""What every sweep keeps to: each thing by itself, so that one that fails stops no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

logger = logging.getLogger(__name__)

Thing = TypeVar("Thing")


def one_by_one(
    things: Iterable[Thing], do: Callable[[Thing], object], name: Callable[[Thing], str]
) -> int:
    """Do something with each thing, whatever became of those before it.

    Parameters
    ----------
    name
        Tells what a thing is found by in the log.

    Returns
    -------
    int
        How many failed; each stands in the log, and is due again.
    """
    failed = 0
    for thing in things:
        try:
            do(thing)
        except Exception:
            logger.exception("%s could not be swept", name(thing))
            failed += 1
    return failed
