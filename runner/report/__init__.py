"""One HTML file of a run: scores, failures, and audio to compare by ear."""

from runner.report.page import write_report

__all__ = ["write_report"]
