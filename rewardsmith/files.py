"""Files that are whole or absent: written aside, flushed to disk, then renamed into place."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` durably; a reader sees the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to `path` durably."""
    write_bytes(path, text.encode())


def write_record(path: Path, record: BaseModel) -> None:
    """Write a record as indented JSON."""
    write_text(path, record.model_dump_json(indent=1) + "\n")
