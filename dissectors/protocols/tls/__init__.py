"""TLS as an observer sees it: records, handshakes, alerts, and the inside where the keys are given."""
