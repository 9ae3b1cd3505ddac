"""Findings: what the events together mean."""
