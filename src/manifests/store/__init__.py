"""Keep the published set: its bytes, the check before it changes, and the change itself."""
