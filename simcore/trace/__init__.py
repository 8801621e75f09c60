"""What happened: the run folder, written and read."""
