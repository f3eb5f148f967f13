"""Measure the processor time of a run beside that of other tools that fetch the same pages."""
