"""When each token leaves a block: recurrences over its inputs' tokens, one step a cycle.

A block takes a step as soon as it has the tokens it needs (one cycle after they left the block before) and its own last
step is over: `t = max(t, arrivals) + 1`. FIFOs between blocks are unbounded, so no block waits for the ones behind it
and blocks can be worked off one after another. What each block needs for a step follows SAM's simulator (Hsu et al.,
ASPLOS 2023, https://github.com/weiya711/sam), in particular:

* a scanner emits the stop of a fiber when it sees the reference after it, and so does a repeater;
* an intersecter or unioner compares two tokens and takes the next ones in the same step, so it waits until both inputs
  have one more;
* a reducer that reads a stop of several levels emits the sum first and the stop a cycle later.
"""

from typing import no_type_check

import numpy as np

from experiments.common.validation.sam_machine.streams import DONE, EMPTY, STOP
from workloads.cache.machine_code import compiled


@compiled
@no_type_check
def _deeper(x):
    """A control token as it leaves one level further down: a stop closes one level more."""
    return x if x == DONE else x - 1


@compiled
@no_type_check
def _closing(following):
    """The stop of a fiber whose reference is followed by this token: the stops of all levels that end there are one."""
    return following - 1 if following <= STOP else STOP


@compiled
@no_type_check
def scan_fibers(token, cycle, segments, coordinates):
    """A scanner of a compressed level. References [n] -> coordinates, references, cycles [m]."""
    room = 2 * len(token)
    for i in range(len(token)):
        if token[i] >= 0:
            room += segments[token[i] + 1] - segments[token[i]]
    crd, ref, out = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    m = i = t = 0
    while i < len(token):
        x = token[i]
        if x == DONE or x <= STOP:
            t = max(t, cycle[i]) + 1
            crd[m], ref[m], out[m] = _deeper(x), _deeper(x), t
            m += 1
            i += 1
            continue
        t = max(t, cycle[i])
        if x == EMPTY:
            t += 1
            crd[m], ref[m], out[m] = EMPTY, EMPTY, t
            m += 1
        else:
            for p in range(segments[x], segments[x + 1]):
                # All but a fiber's first coordinate leave only while the next reference waits at the input.
                t = t + 1 if p == segments[x] else max(t, cycle[i + 1]) + 1
                crd[m], ref[m], out[m] = coordinates[p], p, t
                m += 1
        t = max(t, cycle[i + 1]) + 1
        stop = _closing(token[i + 1])
        crd[m], ref[m], out[m] = stop, stop, t
        m += 1
        i += 2 if token[i + 1] <= STOP else 1
    return crd[:m], ref[:m], out[:m]


@compiled
@no_type_check
def scan_dense(token, cycle, size):
    """A scanner of a dense level of `size` coordinates. References [n] -> coordinates, references, cycles [m]."""
    room = len(token) * (size + 1)
    crd, ref, out = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    m = i = t = 0
    while i < len(token):
        x = token[i]
        t = max(t, cycle[i])
        if x < 0:
            t += 1
            crd[m], ref[m], out[m] = _deeper(x), _deeper(x), t
            m += 1
            i += 1
            continue
        for p in range(size):
            t += 1
            crd[m], ref[m], out[m] = p, x * size + p, t
            m += 1
        t = max(t, cycle[i + 1]) + 1
        stop = _closing(token[i + 1])
        crd[m], ref[m], out[m] = stop, stop, t
        m += 1
        i += 2 if token[i + 1] <= STOP else 1
    return crd[:m], ref[:m], out[:m]


@compiled
@no_type_check
def merge_fibers(crd1, ref1, cycle1, crd2, ref2, cycle2, union):
    """An intersecter or, if `union`, a unioner. Two streams of coordinates and references -> merged ones and steps.

    Returns coordinates, references of both sides, cycles [m] and the number of steps, which for an intersecter is more
    than what leaves it.
    """
    room = len(crd1) + len(crd2)
    crd, left, right, out = (
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
    )
    i = j = m = 0
    steps = 1
    t = max(cycle1[0], cycle2[0]) + 1
    while crd1[i] != DONE:
        x, y = crd1[i], crd2[j]
        t = max(t, max(cycle1[i + 1], cycle2[j + 1])) + 1
        steps += 1
        if x == y:
            crd[m], left[m], right[m], out[m] = x, ref1[i], ref2[j], t
            m += 1
            i += 1
            j += 1
        elif x <= STOP or (y > STOP and y != EMPTY and (x == EMPTY or x > y)):
            if union:
                crd[m], left[m], right[m], out[m] = y, EMPTY, ref2[j], t
                m += 1
            j += 1
        else:
            if union:
                crd[m], left[m], right[m], out[m] = x, ref1[i], EMPTY, t
                m += 1
            i += 1
    crd[m], left[m], right[m], out[m] = DONE, DONE, DONE, t + 1
    return crd[: m + 1], left[: m + 1], right[: m + 1], out[: m + 1], steps + 1


@compiled
@no_type_check
def repeat(token, cycle, along, along_cycle):
    """A repeater: each reference once for each coordinate of a fiber of `along`. [n], [k] -> references, cycles [m].

    `along_cycle` is when the repeat signals leave their generator. Stops take their level from the references.
    """
    room = len(along) + len(token)
    out, when = np.empty(room, np.int64), np.empty(room, np.int64)
    i = j = m = t = 0
    while True:
        x = token[i]
        t = max(t, cycle[i])
        if x == DONE or x <= STOP:
            t = max(t, along_cycle[j]) + 1
            out[m], when[m] = _deeper(x), t
            m += 1
            i += 1
            j += 1
            if x == DONE:
                return out[:m], when[:m]
            continue
        while along[j] >= 0:
            t = max(t, along_cycle[j]) + 1
            out[m], when[m] = x, t
            m += 1
            j += 1
        t = max(t, max(along_cycle[j], cycle[i + 1])) + 1
        out[m], when[m] = _closing(token[i + 1]), t
        m += 1
        j += 1
        i += 2 if token[i + 1] <= STOP else 1


@compiled
@no_type_check
def reduce_fibers(token, cycle):
    """A reducer: one sum (written 0) for each innermost fiber, stops one level lower. [n] -> values, cycles [m]."""
    out, when = np.empty(2 * len(token), np.int64), np.empty(2 * len(token), np.int64)
    m = t = 0
    for i in range(len(token)):
        t = max(t, cycle[i]) + 1
        if token[i] == DONE or token[i] <= STOP:
            out[m], when[m] = (DONE if token[i] == DONE else 0), t
            m += 1
            if token[i] < STOP:
                t += 1
                out[m], when[m] = token[i] + 1, t
                m += 1
    return out[:m], when[:m]


@compiled
@no_type_check
def drop_empty(outer, outer_cycle, inner, inner_cycle):
    """A coordinate dropper: outer coordinates whose inner fiber is empty do not leave. [n], [k] -> both streams.

    Outer and inner token are taken in one cycle if both are there; an outer stop takes a cycle of its own, with the
    inner token if another outer stop came before.
    """
    out1, when1 = np.empty(len(outer), np.int64), np.empty(len(outer), np.int64)
    out2, when2 = np.empty(len(inner), np.int64), np.empty(len(inner), np.int64)
    j = m = k = t = 0
    after_stop = True
    for i in range(len(outer)):
        t = max(t, outer_cycle[i])
        if outer[i] >= 0:
            start = j
            while True:
                t = max(t, inner_cycle[j]) + 1
                out2[k], when2[k] = inner[j], t
                k += 1
                j += 1
                if inner[j - 1] <= STOP:
                    break
            if j - start > 1:
                out1[m], when1[m] = outer[i], t
                m += 1
            after_stop = False
            continue
        t += 1
        out1[m], when1[m] = outer[i], t
        m += 1
        if after_stop and j < len(inner):
            t = max(t, inner_cycle[j] + 1)
            out2[k], when2[k] = inner[j], t
            k += 1
            j += 1
        after_stop = True
    return out1[:m], when1[:m], out2[:k], when2[:k]


@compiled
@no_type_check
def in_step(cycle1, cycle2, cycle3):
    """When a block takes the tokens of three streams in step, one of each a cycle. [n] each -> [n]."""
    out = np.empty(len(cycle1), np.int64)
    t = -1
    for i in range(len(cycle1)):
        t = max(max(t, cycle1[i]), max(cycle2[i], cycle3[i])) + 1
        out[i] = t
    return out
