"""Where things are kept: the user's cache folder, or the one that `SPARSE_DSE_CACHE` names.

What lies there is believed, and machine code there is run. So only a folder is used that is the user's own and that
nobody else may write; a new one is made for the user alone. In a folder that others share, such as a team's scratch
disk, the user has one of their own.
"""

import os
from pathlib import Path

import platformdirs

VARIABLE = "SPARSE_DSE_CACHE"
"""Environment variable: a folder, or a word of `OFF`."""
OFF = ("off", "no", "none", "false", "0")

_OTHERS_WRITE = 0o022


def cache_folder() -> Path | None:
    """Folder of the cache (it may not exist yet); None where it is off, and where there is no such place."""
    setting = os.environ.get(VARIABLE, "").strip()
    if setting.lower() in OFF:
        return None
    try:
        folder = Path(setting).expanduser().absolute() if setting else Path(platformdirs.user_cache_dir("sparse-dse"))
    except (OSError, RuntimeError):  # the working directory is gone, or `~` is nobody's
        return None
    return folder if folder.is_absolute() else None


def kept_in(folder: Path | None, kind: str) -> Path | None:
    """The user's own folder for entries of one kind in that of a cache, made if missing; None where it cannot be."""
    try:
        return None if folder is None else private(private(folder) / kind)
    except OSError:
        return None


def private(folder: Path) -> Path:
    """The folder, or where others may write it one in it that they may not; made if missing.

    **Raises** `OSError` where neither can be had.
    """
    _make(folder)
    if folder.is_dir() and only_ours(folder.stat()):
        return folder
    own = folder / f"user-{os.geteuid()}"
    _make(own)
    if not only_ours(own.lstat()):  # a link there may be another user's, whatever it leads to
        raise PermissionError(f"{own} is not this user's alone")
    return own


def only_ours(status: os.stat_result) -> bool:
    """Whether a file or folder is the user's and nobody else may write it."""
    if not hasattr(os, "geteuid"):  # Windows, where a user's folders are theirs alone
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE


def _make(folder: Path) -> None:
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)
