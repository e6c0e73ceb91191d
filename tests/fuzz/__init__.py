"""Abuse from outside, deterministic in a seed: what no test has the time for, run a minute in CI and for hours by hand.

    cd tests
    ../.venv/bin/python -m fuzz.readers --seconds 60                     # files: mutated, cut off, hostile
    ../.venv/bin/python -m fuzz.readers --count 20000 --seed 7 FOLDER    # with the files below FOLDER as seeds too
    ../.venv/bin/python -m fuzz.random_designs 1000000 7                 # designs of every family, against laws
    ../.venv/bin/python fuzz/command_lines.py 400 7                      # wrong options of every script
    ../.venv/bin/python fuzz/interrupts.py 100 7                         # Ctrl-C, closed pipes, full disks

Files are read in forked children with limits on time and memory. One ends well if it is read, or refused in one
sentence; a traceback, a signal, more than 20 s or 2 GiB is a fault: it is told, its file is kept in --keep, the exit
status is 1.

| module | what is in it |
|---|---|
| `sandbox` | cases in children, and what became of each |
| `readers` | the script for files |
| `seeds` | small sound files of every format, made by the writers of the tests |
| `mutations` | a sound file damaged: bits, numbers, lines, fields of protobuf and JSON, members of archives |
| `hostile`, `hostile_binaries` | what is wrong as a whole: endless announcements, bombs, loops, pipes |
| `random_designs`, `designs` | the script for designs, and how they are drawn |
| `hard_kernels` | kernels at the edges of every family: empty, of one entry, full, hypersparse, near 2^31 |
| `model_laws` | what holds for every design of every kernel (`tests/test_model_laws.py` too) |
| `command_lines`, `legal_edges` | options that are wrong, and those that lie at the ends of their ranges |
| `interrupts` | scripts that are ended from outside |
"""
