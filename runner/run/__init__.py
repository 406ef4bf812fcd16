"""Running a plan in this process, and what a run shows and keeps: progress, records, results, files."""
