"""What closed forms of systems estimate where only totals or a density of a pattern are known.

| module | what is in it |
|---|---|
| `load_imbalance` | expectations of the fullest of several parts |
| `spmspm_pattern` | spread of row lengths and collisions, from the totals of a sparse x sparse product |
| `broadcast_queues` | processors that wait for each other over queues of broadcast items |
"""
