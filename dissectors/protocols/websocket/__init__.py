"""WebSocket: messages in both directions over one connection that began as HTTP (RFC 6455)."""
