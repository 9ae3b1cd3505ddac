"""Where frames come from: capture files, compressed files, pipes."""
