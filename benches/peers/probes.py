"""What else the machine was doing: load, arithmetic and memory, before and after each block.

A block counts as disturbed where another job used more than 0.3 of a core, or where a probe moved by more than 10 %.
"""

import os
import resource
import time

import numpy

FOREIGN_CORES = 0.3
MOVED = 0.10


def probe():
    """Load, GFLOP/s of one core (f32 matrix product), and GB/s of one core (reading)."""
    side = 1024
    a = numpy.ones((side, side), dtype=numpy.float32)
    flops = max(2 * side**3 / _took(lambda: a @ a) for _ in range(5))
    block = numpy.ones(32 << 20, dtype=numpy.float32)
    read = max(block.nbytes / _took(block.sum) for _ in range(3))
    return {"load": os.getloadavg()[0], "gflops": flops / 1e9, "gb_per_s": read / 1e9}


def _took(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Watch:
    """Counts the CPU-seconds of everybody, to tell ours from those of others."""

    def __init__(self):
        self.before = probe()
        self.began = time.perf_counter()
        self.everybody = _everybody()
        self.own = _own()

    def close(self, workers_s):
        """`workers_s`: what long-lived workers used meanwhile."""
        own = _own() - self.own + workers_s
        wall = time.perf_counter() - self.began
        foreign = max(0.0, (_everybody() - self.everybody - own) / wall)
        after = probe()
        moved = max(abs(after[name] / self.before[name] - 1) for name in ("gflops", "gb_per_s"))
        return {
            "before": self.before,
            "after": after,
            "foreign_cores": foreign,
            "moved": moved,
            "disturbed": foreign > FOREIGN_CORES or moved > MOVED,
        }


def _own():
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in parts)


def _everybody():
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(cell) for cell in file.readline().split()[1:]]
    busy = sum(ticks) - ticks[3] - ticks[4]
    return busy / os.sysconf("SC_CLK_TCK")
