"""The modules `SampleData` and `slicer.i18n`."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def sample_data_module() -> ModuleType:
    """The module `SampleData`: `SampleDataLogic.sources` has what was registered."""

    class SampleDataLogic:
        sources: list[dict[str, Any]] = []  # noqa: RUF012
        categories: list[str] = []  # noqa: RUF012

        @classmethod
        def registerCustomSampleDataCategory(cls, category: str, **options: Any) -> None:
            cls.categories.append(category)

        @classmethod
        def registerCustomSampleDataSource(cls, category: str, **source: Any) -> None:
            cls.sources.append({"category": category, **source})

    made = ModuleType("SampleData")
    made.__dict__.update(SampleDataLogic=SampleDataLogic)
    return made


def i18n_module() -> ModuleType:
    """The module `slicer.i18n`, in English."""
    made = ModuleType("slicer.i18n")
    made.__dict__.update(tr=lambda text: text, translate=lambda context, text: text)
    return made
