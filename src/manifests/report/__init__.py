"""Tell what became of a run, in one format for each reader; all are made of its record."""
