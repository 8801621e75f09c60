"""HBM: address map, bank state machine, and the fast path of long transfers.

Pure functions of integer picoseconds: no clock of a simulation and no randomness.
"""
