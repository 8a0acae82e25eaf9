"""Scheduled pulls: databases and folders that the workspace asks, when, and what became of each run."""
