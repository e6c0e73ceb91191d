"""Parts of `experiments/certify.py`.

| module | what is in it |
|---|---|
| `figure` | the proven gap against time |
| `text` | what is proven of a front, in words |
"""
