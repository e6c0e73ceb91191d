"""Abuse from outside, deterministic in a seed: what no test has the time for, run a minute in CI and for hours by hand.

    cd tests
    ../.venv/bin/python -m fuzz.readers --seconds 60                     # files: mutated, cut off, hostile
    ../.venv/bin/python -m fuzz.readers --count 20000 --seed 7 FOLDER    # with the files below FOLDER as seeds too

Cases run in forked children with limits on time and memory. One ends well if it is read, or refused in one sentence;
a traceback, a signal, more than 20 s or 2 GiB is a fault: it is told, its file is kept in --keep, the exit status is 1.

| module | what is in it |
|---|---|
| `sandbox` | cases in children, and what became of each |
| `readers` | the script for files |
| `seeds` | small sound files of every format, made by the writers of the tests |
| `mutations` | a sound file damaged: bits, numbers, lines, fields of protobuf and JSON, members of archives |
| `hostile`, `hostile_binaries` | what is wrong as a whole: endless announcements, bombs, loops, pipes |
"""
