"""What is kept on disk: designs, fronts, results, and searches that go on where they were.

| module | what is in it |
|---|---|
| `design_file`, `design_reader` | designs and fronts as JSON: written, and read with every field checked |
| `result_file` | the whole result of a search, to the bit |
| `checkpoint` | searches that go on where they were interrupted: the models' answers are recorded and replayed |
| `journal` | the file of records that a checkpoint is |
| `fingerprint` | what a search depends on, so that a checkpoint is taken for no other search |
"""
