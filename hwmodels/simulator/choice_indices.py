"""Places of the choices that compiled code branches on, in the tuples of `hwmodels.design.choices`."""

from hwmodels.design.choices import INTERSECTIONS, SCHEDULES

ROW_BLOCKS, CYCLIC, BALANCED = (SCHEDULES.index(name) for name in ("row_blocks", "cyclic", "balanced"))
TWO_FINGER, LEADER_FOLLOWER, SKIP_AHEAD, BITMASK_UNIT = (
    INTERSECTIONS.index(name) for name in ("two_finger", "leader_follower", "skip_ahead", "bitmask")
)
