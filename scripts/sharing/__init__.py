"""The bench of a budget that several processes share; `scripts/budget-bench` runs it."""
