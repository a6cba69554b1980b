"""What a reader sees of a run: its figures with their provenance, curves, and pages that need no network.

An upper room: it may read what every other room makes, and only the command line stands above it.
"""
