"""The base class of all settings."""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

P = TypeVar("P", bound="Preset")


@dataclass(frozen=True)
class Preset:
    """Sizes, rates and seeds of a run; subclasses add them as fields."""

    def checked(self: P) -> P:
        """Return self; raise ValueError or TypeError if a field has an invalid value."""
        return self

    def changed(self: P, **options: object) -> P:
        """A copy with these options replaced; options that are None stay as they are."""
        given = {name: value for name, value in options.items() if value is not None}
        return replace(self, **given).checked()

    def key(self, source: str) -> str:
        """The name of the saved progress: a hash of the setting and the source of the data."""
        text = json.dumps([asdict(self), source], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The command-line options with these names; None for those that were not given."""
    return {name: getattr(options, name, None) for name in names}
