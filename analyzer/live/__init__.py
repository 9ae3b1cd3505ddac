"""What a person or a program sees of a capture while it grows: log lines, JSON lines, a screen."""
