"""Whole runs: plan, simulate, record, summarise."""
