"""TLS as several protocols carry it: numbers, messages, fingerprints, and the protection of records."""
