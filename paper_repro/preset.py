"""What the settings of all experiments can do."""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

P = TypeVar("P", bound="Preset")


@dataclass(frozen=True)
class Preset:
    """Sizes, rates and seeds of a run: the fields of the subclass."""

    def checked(self: P) -> P:
        """Itself; ValueError or TypeError where a field is none that it may be."""
        return self

    def changed(self: P, **options: object) -> P:
        """This setting with the options that are not None."""
        given = {name: value for name, value in options.items() if value is not None}
        return replace(self, **given).checked()

    def key(self, source: str) -> str:
        """Names what is half done: one name for each setting and source of the data."""
        text = json.dumps([asdict(self), source], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """What a command was given for these fields of its setting; None where nothing."""
    return {name: getattr(options, name, None) for name in names}
