"""Server-sent events: a response that goes on, one event after another (WHATWG HTML)."""
