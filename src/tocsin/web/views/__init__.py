"""The views, one module for each page."""
