"""A directory that appears whole or not at all."""

import contextlib
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from rgnn_jax.errors import UserError, WorkFailed


@contextlib.contextmanager
def published(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yields a hidden directory beside the target to work in.

    It becomes the target when the block ends. Where the block raises it is removed, unless runs were saved in
    it: then it is kept as `TARGET.unfinished`, or that with a suffix, and a line on standard error says so.
    Until the end an earlier target stays as it was.

    Raises:
        UserError: where the target exists and `overwrite` is not set, or its place cannot be written.
        WorkFailed: where the finished work could not be renamed; it is kept.
    """
    if target.exists() and not overwrite:
        raise UserError(f"{target} exists already: replace it with --overwrite, or choose another --out")
    work = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    replaced = work.with_name(work.name + ".replaced")
    missing = [parent for parent in target.parents if not parent.exists()]
    try:
        work.mkdir(parents=True)
    except OSError as error:
        raise UserError(
            f"{target.parent} cannot be written ({error.strerror}): choose another --out"
        ) from None
    try:
        yield work
    except BaseException:
        _abandon(work, target)
        with contextlib.suppress(OSError):
            for parent in missing:
                parent.rmdir()
        raise
    try:
        if overwrite and target.exists():
            target.rename(replaced)
        work.rename(target)
    except OSError as error:
        if replaced.exists() and not target.exists():
            replaced.rename(target)
        raise WorkFailed(f"{target} is in the way ({error.strerror}): the results are in {work}") from None
    shutil.rmtree(replaced, ignore_errors=True)


def _abandon(work: Path, target: Path) -> None:
    """Removes unfinished work, but never what was trained."""
    if not any(work.glob("**/checkpoints/*")):
        shutil.rmtree(work, ignore_errors=True)
        return
    kept = target.with_name(f"{target.name}.unfinished")
    if kept.exists():
        kept = kept.with_name(f"{kept.name}{work.suffix}")
    work.rename(kept)
    print(f"what was trained is kept in {kept}: see rgnn list --ckpt-dir {kept}", file=sys.stderr)
