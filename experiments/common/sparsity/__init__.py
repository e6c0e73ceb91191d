"""What sparsity is there and what it is worth: the parts of `sparsity_report.py`.

| module | what is in it |
|---|---|
| `inputs` | from texts to kernels and their patterns |
| `bits` | bits by format, and the most that skipping can save |
| `saving` | what the models expect it to save on given hardware |
| `text` | rows, tables and sentences |
| `figure` | a pattern as a picture |
"""
