"""Makes the captures that are measured: seeded, so that every machine measures the same bytes."""
