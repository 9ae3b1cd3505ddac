"""X.509 certificates as TLS carries them: what they say, and what the capture proves of it."""
