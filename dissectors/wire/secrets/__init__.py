"""The one place that decides what is secret: by name, by structure, by form and by position (see `gate`)."""
