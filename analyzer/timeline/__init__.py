"""Events grouped into phases, conversations and one story."""
