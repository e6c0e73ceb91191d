"""Compression formats: what each is, the bits that it takes, and encoders that really encode.

| module | what is in it |
|---|---|
| `records` | `FORMAT_RECORDS`: one record a format, and the lists that follow from them |
| `sizes` | storage of tiles in each format, from statistics, for the models |
| `encoders` | tiles that are really encoded, bit by bit, and decoded |
| `comparison` | `matrix_bits(matrix, format)`, `best_format(matrix)` |
"""
