"""Formats that are recognised so that they can be refused by name: pickles, other tools' models, pointers, pages.

| module | what is in it |
|---|---|
| `signs` | ways to recognise a format |
| `pointers` | what stands in place of a file that was never fetched |
| `pickles` | what runs code when it is read |
| `models` | models of other frameworks |
| `stores` | tables, databases, archives, documents, settings |
"""

from workloads.readers.foreign.models import MODELS
from workloads.readers.foreign.pickles import PICKLES
from workloads.readers.foreign.pointers import POINTERS
from workloads.readers.foreign.stores import OTHERS, STORES
from workloads.readers.formats import FileFormat

FORMATS: tuple[FileFormat, ...] = (*POINTERS, *PICKLES, *MODELS, *STORES, *OTHERS)
"""Records of formats that are refused, in order of preference where a folder holds several."""
