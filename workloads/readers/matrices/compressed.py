"""CSR and CSC by parts, of a container that may say neither the shape nor which of the two it is."""

import numpy as np
from scipy.sparse import coo_array, csc_array, csr_array

from workloads.readers.matrices.canonical_form import check_sides, number_type
from workloads.readers.source import Source


def compressed_matrix(
    source: Source,
    names: tuple[str, str, str],
    parts: tuple[np.ndarray, np.ndarray, np.ndarray],
    shape: tuple[int, ...] | None,
    kind: str = "",
) -> tuple[coo_array, list[str]]:
    """The matrix of values, indices and offsets [rows + 1] or [columns + 1], and what had to be assumed.

    `names` are what these arrays are called. With `kind`, `csr` or `csc`, as that; without, as CSC where only that fits
    the shape. **Raises** `InputError` for arrays that do not fit each other or the shape.
    """
    (of_values, of_indices, of_offsets), (values, indices, offsets) = names, parts
    number_type(source, values.dtype)
    if indices.ndim != 1 or offsets.ndim != 1 or not len(offsets):
        what = f"has {offsets.ndim} axes and {of_indices} {indices.ndim}"
        source.fail(of_offsets, what, "save both with one axis")
    if len(values) != len(indices):
        source.fail(of_values, f"has {len(values)} values for {len(indices)} indices", "save as many")
    notes: list[str] = []
    if shape is None:
        shape = (len(offsets) - 1, int(indices.max(initial=0)) + 1)
        shape = shape[::-1] if kind == "csc" else shape
        how = "columns" if kind == "csc" else "rows"
        notes.append(f"no shape is stored; it was read as {how} of {shape[0]} x {shape[1]} ({(kind or 'csr').upper()})")
    if len(shape) != 2:
        source.fail("shape", f"has {len(shape)} axes where a matrix has 2", "save a matrix")
    check_sides(source, *shape)
    if not kind:
        kind = "csc" if len(offsets) == shape[1] + 1 != shape[0] + 1 else "csr"
        if shape[0] == shape[1]:
            notes.append(f"{of_offsets} was read as offsets of rows (CSR), not of columns, which would fit too")
    made = (csr_array if kind == "csr" else csc_array)((values, indices, offsets), shape=shape)
    made.check_format(full_check=True)
    return coo_array(made), notes
