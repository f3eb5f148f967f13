"""Look whether everything that a run needs is there: pure judgements over thin probes."""
