"""The report as one HTML file: inline SVG, no script, nothing from the network.

Figures are drawn here rather than by a plotting library: a page is light, its colours
follow the reader's light or dark theme, every mark tells its value when pointed at, its
bytes depend on nothing but the run, and no further package is needed.
"""
