"""The tools beside which a run is measured, each as people would use it."""
