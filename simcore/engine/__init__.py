"""When it happens: the event simulation, the only package that imports SimPy."""
