"""What is kept between runs. Nothing that is wrong with a cache is an error: what cannot be read is made anew.

| module | what is in it |
|---|---|
| `folder` | where: `SPARSE_DSE_CACHE`, else the user's cache folder; folders that nobody but the user can write |
| `entries` | bytes under a name, held to a digest |
| `tables` | measured tables, by the content hash of what was measured |
| `machine_code` | `compiled`, Numba's decorator for functions whose machine code is kept |

Compiled programs of JAX (`dse.problem.compile_cache`) and downloaded matrices (`workloads.readers.suitesparse`) lie in
the same folder.
"""
