"""What may be chosen: parameters and their bounds, designs in words and as rows of integers.

| module | what is in it |
|---|---|
| `design_space` | `Parameter`, `DesignSpace`: named parameters with their values; `parse_fixes`, `parameter_help` |
| `defaults` | `default_space(workload)`, from the records of `hwmodels.design`; what a workload can use of a machine |
| `space_file` | `read_space(path)`: a TOML file of changes |
| `design` | `Design`: one accelerator and its mappings in words, with checked changes (`with_`); `describe` |
| `scenario_memory` | what a space leaves of the memory to the scenario |
| `changes` | changes of a design by name: `index_bus_bits=64`, `conv1.a_format=csr` |
| `combinations` | the legal combinations of a mapping's choices |
| `encoding` | `Encoding(space, kernels)`: designs as rows of integers (genomes) and back |
| `staying` | which tensors can stay in the global buffer, and what that means for each kernel |
| `neighbours` | all steps from a design to its neighbours on the lattice |
| `log_numbers` | the numbers of designs in log2, off the lattice and back |
"""
