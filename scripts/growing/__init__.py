"""Measure how a run grows with its filters: time, memory, and the size of what it publishes."""
