"""Recordings of real programs, and the recorder that makes them."""
