"""The models against simulators, our own and those of others.

| module | what is in it |
|---|---|
| `against_simulator` | the models against this project's simulator, on matrices and random designs |
| `simulator_cases` | the cases of one kernel: designs drawn, modelled and simulated; runs in any process |
| `against_sam` | `sam_machine` against cycle counts of the Sparse Abstract Machine's simulator |
| `against_sparseloop` | `sparseloop_machine` against Sparseloop's outputs, and what its mean over PEs hides |
| `against_samples` | tables of density models against the mean of tables measured on sampled patterns |
| `comparison` | what they share: `ComparisonOutcome`, `ErrorLimits`, tables of a reference, the parity figure |
| `sam_machine`, `sparseloop_machine` | those machines by the rules of their own simulators; nothing of `hwmodels` |
"""
