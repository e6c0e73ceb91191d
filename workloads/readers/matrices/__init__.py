"""Files that hold one matrix.

| module | format |
|---|---|
| `market` | Matrix Market |
| `smtx` | DLMC patterns |
| `numpy_files` | dense `.npy` |
| `npz_sparse`, `npz_archive` | sparse `.npz`: SciPy's, pydata's, JAX's, by parts |
| `harwell_boeing`, `petsc` | Harwell-Boeing; PETSc's binary files |
| `matlab`, `mat5`, `hdf5` | MATLAB's `.mat`; `.h5ad`, 10x and others in HDF5 |
| `features` | libsvm, bags of words |
| `dense_text` | rows of numbers |
| `hdf5_process`, `hdf5_worker` | HDF5's library in a process of its own |
| `compressed` | CSR and CSC by parts, for `npz_sparse` and `hdf5` |
| `canonical_form` | what every reader of matrices ends with |
"""

from workloads.readers.formats import FileFormat
from workloads.readers.matrices import (
    dense_text,
    features,
    harwell_boeing,
    hdf5,
    market,
    matlab,
    npz_sparse,
    numpy_files,
    petsc,
    smtx,
)

FORMATS: tuple[FileFormat, ...] = (
    market.FORMAT,
    smtx.FORMAT,
    npz_sparse.FORMAT,
    numpy_files.FORMAT,
    harwell_boeing.FORMAT,
    matlab.FORMAT,
    hdf5.FORMAT,
    *petsc.FORMATS,
    *features.FORMATS,
    *dense_text.FORMATS,
)
"""Records of the formats in this room."""
