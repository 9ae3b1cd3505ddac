"""What a user sees: one module a format."""
