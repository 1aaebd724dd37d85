"""An output folder that receives all of its files at once, or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.interrupts import uninterrupted

STAGING = ".deepiterreg-"
"""What the temporary folder's name begins with."""


@contextmanager
def staged_output(folder: Path, names: tuple[str, ...]) -> Iterator[Path]:
    """A temporary folder on the disk of `folder`; when the block ends well, its files `names` are moved there.

    names: file names, or paths relative to the folder. When the block raises anything (Ctrl-C included), or a file
    cannot be moved, `folder` is as it was before, also if that means absent. Raises InputError at once when `folder`
    cannot be written.
    """
    root = _nearest_existing(folder)
    for name in names:
        if (folder / name).is_dir():
            raise InputError(
                "{name} in the output folder {file} is a folder itself; choose another for {output}.",
                field=Field.OUTPUT,
                name=name,
                file=folder,
            )
    try:
        staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=root))
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield staging
        with uninterrupted():
            _move_together(staging, folder, names)
            shutil.rmtree(staging, ignore_errors=True)
    finally:
        # Also for the second Ctrl-C of somebody in a hurry.
        with uninterrupted():
            shutil.rmtree(staging, ignore_errors=True)


def _nearest_existing(folder: Path) -> Path:
    """`folder`, or the nearest parent of it that exists: on the same disk, so that moving is renaming."""
    for candidate in (folder, *folder.absolute().parents):
        if candidate.is_dir():
            return candidate
        if candidate.exists() or candidate.is_symlink():
            raise InputError("{file} is not a folder; choose another for {output}.", field=Field.OUTPUT, file=candidate)
    raise InputError("No part of the path {path} exists; choose another for {output}.", field=Field.OUTPUT, path=folder)


def _move_together(staging: Path, folder: Path, names: tuple[str, ...]) -> None:
    """Rename the files into `folder`, or leave it with what it had."""
    targets = {name: folder.absolute() / name for name in names}
    parents = {parent for target in targets.values() for parent in target.parents if not parent.exists()}
    created = sorted(parents, key=lambda parent: len(parent.parts), reverse=True)
    previous = staging / "previous"
    for name, target in targets.items():
        (previous / name).parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.copy2(target, previous / name)
    try:
        for name, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging / name, target)
    except BaseException:
        for name, target in targets.items():
            if (previous / name).exists():
                os.replace(previous / name, target)
            elif not (staging / name).exists():
                target.unlink(missing_ok=True)
        for parent in created:
            with suppress(OSError):
                parent.rmdir()
        raise


def unwritable(folder: Path, error: OSError) -> InputError:
    """The sentence for an output folder that the system does not let us write."""
    return InputError(
        "The output folder {file} cannot be written ({reason}); choose another for {output}.",
        field=Field.OUTPUT,
        file=folder,
        reason=error.strerror,
    )
