"""What goes to the log: as much as is asked for, on stderr, and no key."""

from __future__ import annotations

import logging
import os

from rewardsmith.llm.secrets import redactor


class _WithoutKeys(logging.Formatter):
    """Blots out what looks like a key: some libraries log whole addresses."""

    def format(self, record: logging.LogRecord) -> str:
        return redactor(os.environ)(super().format(record))


def log_more(count: int) -> int:
    """Log to stderr: warnings, with -v what goes on, with -vv everything; gives `count` back."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(count, 2)]
    # The option stands before the command and after it: whichever is given decides.
    if count or not logging.root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(_WithoutKeys("%(levelname)s %(name)s: %(message)s"))
        logging.basicConfig(level=level, handlers=[handler], force=True)
    return count
