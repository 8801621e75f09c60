"""The `simcore` command: parse, call, print."""
