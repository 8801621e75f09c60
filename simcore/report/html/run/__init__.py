"""The page about one run: what it shows (`view`), and one file for each section."""
