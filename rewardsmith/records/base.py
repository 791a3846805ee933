"""What all records are: frozen, and strict about their fields."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record: unknown fields are refused, a change is `model_copy(update=...)`."""

    # Infinity stays itself in JSON: as null, a record could not be read again.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")
