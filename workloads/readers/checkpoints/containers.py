"""Files of named arrays: how each kind is recognised and opened."""

import re
from collections.abc import Callable
from dataclasses import replace

from workloads.errors import InputError
from workloads.readers.checkpoints import gguf, numpy_archive, safetensors
from workloads.readers.checkpoints.configuration import read_configuration
from workloads.readers.checkpoints.layers import found_in
from workloads.readers.checkpoints.stored import StoredArrays
from workloads.readers.formats import FileFormat, Sureness
from workloads.readers.found import Found
from workloads.readers.options import ReadOptions
from workloads.readers.source import BROKEN, Source, words_of


class Container:
    """A kind of file of named arrays: its arrays by `stored`, its layers by `found`."""

    def __init__(
        self,
        name: str,
        recognise: Callable[[Source], Sureness],
        stored: Callable[[Source], StoredArrays],
        packs: bool = True,
    ) -> None:
        self.name, self.packs, self._stored = name, packs, stored
        self.format = FileFormat(name, recognise, self._read)

    def stored(self, source: Source) -> StoredArrays:
        """Arrays of one file and the configuration beside it."""
        try:
            found = self._stored(source)
        except InputError:
            raise
        except BROKEN as error:
            source.fail(self.name, f"is malformed ({words_of(error)})", "download or write it again", error)
        return StoredArrays(found.source, found.arrays, found.metadata, read_configuration(source))

    def found(self, stored: StoredArrays) -> Found:
        """Layers of arrays from one file or several."""
        return found_in(stored, self.name, already_unpacked=not self.packs)

    def _read(self, source: Source, options: ReadOptions) -> Found:
        found = self.found(self.stored(source))
        shard = re.search(r"-\d{5}-of-(\d{5})\.", source.name)
        if shard is None or int(shard[1]) < 2:
            return found
        note = f"{source.name}: is one of {int(shard[1])} shards; give the folder or the index for the whole network."
        return replace(found, notes=(*found.notes, note))


CONTAINERS = (
    Container("safetensors", safetensors.recognise, safetensors.stored),
    Container("GGUF", gguf.recognise, gguf.stored, packs=False),
    Container("NumPy .npz", numpy_archive.recognise, numpy_archive.stored),
)
"""`packs`: whether quantised weights lie in several arrays that only their names connect."""


def container_of(format: FileFormat | None) -> Container | None:
    """The container whose format this is."""
    return next((one for one in CONTAINERS if one.format is format), None)
