"""What stands in place of a file that was never fetched: Git LFS and other pointers, web pages, messages.

Git LFS: github.com/git-lfs/git-lfs, `docs/spec.md`.
"""

from workloads.readers.foreign.signs import written
from workloads.readers.formats import FileFormat, refused

_POINTER = written(r"version https://(git-lfs\.github\.com|hawser\.github\.com)/spec/")
_ANNEX = written(r"(/annex/objects/|\.\./.*\.git/annex/objects/)")
_PAGE = written(
    r"(<!--.*?-->\s*)?(<!doctype html|<html|<head>|<\?xml[^>]*>\s*<!doctype html|<\?xml[^>]*>\s*<error>|<error>)"
)
_MESSAGE = written(
    r"(404: not found|(404 |403 |401 )?(not found|forbidden|unauthorized)\s*$|entry not found|repository not found|"
    r"invalid username or password|access to (model|dataset) \S+ is restricted|<title>|\{\s*\"(error|message)\"\s*:)"
)
_PULL = "run `git lfs pull`, or download the file itself"
_DOWNLOAD = "download the file again, from a link to the file itself"

POINTERS: tuple[FileFormat, ...] = (
    refused("a Git LFS pointer, not the file itself", _POINTER, _PULL),
    refused("a git-annex pointer, not the file itself", _ANNEX, "run `git annex get`, or download the file"),
    refused("a DVC pointer, not the file itself", written(r"(outs|md5):\s*\n?-? *(md5|hash):"), "run `dvc pull`"),
    refused("a web page (HTML), not the file itself", _PAGE, _DOWNLOAD),
    refused("a web server's message, not the file itself", _MESSAGE, _DOWNLOAD),
)
"""Pointers, pages and messages."""
