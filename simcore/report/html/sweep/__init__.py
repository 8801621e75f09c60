"""The page about a sweep: what it shows (`view`), and one file for each section."""
