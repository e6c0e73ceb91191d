"""Processors that all get the same items in the same order through finite queues of their own: who waits for whom."""

import numpy as np


def queued_cycles(work: np.ndarray, depth: int) -> float:
    """Cycles until processors with `work` cycles [item, processor] on each item are done; an item takes at least one.

    Items are broadcast in order, one a cycle. An item stays in the queue of a processor, `depth` long, until that is
    done with it, and is broadcast when all queues have room:

        end[i, p] = max(end[i - 1, p], sent[i]) + max(work[i, p], 1)
        sent[i] = max(sent[i - 1] + 1, max over p of end[i - depth, p])

    a recurrence of maxima and sums, walked item by item for all processors at once.
    """
    spent = np.maximum(work, 1.0)
    done = np.zeros(len(work))  # when the last processor is done with the item
    end = np.zeros(work.shape[1])
    sent = 0.0
    for item in range(len(work)):
        sent += 1.0
        if item >= depth:
            sent = max(sent, done[item - depth])
        end = np.maximum(end, sent) + spent[item]
        done[item] = end.max()
    return float(end.max(initial=0.0))
