"""gRPC: calls of methods over HTTP/2, and gRPC-Web over either version of HTTP."""
