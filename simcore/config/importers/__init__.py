"""Recordings of other programs as acceptance files; see `importing` and `formats`."""
