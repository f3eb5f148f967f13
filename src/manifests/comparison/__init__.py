"""Compare two published sets, and show what happened between them."""
