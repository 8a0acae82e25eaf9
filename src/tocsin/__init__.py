"""Tocsin, the early-warning system for customer success."""
