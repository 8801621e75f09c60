"""Who simulates the shards of a run: this process, other processes, other machines.

Every executor takes the same jobs and yields the same results; only the order in which
they come may differ.
"""
