"""HTTP/2: frames, streams, flow control and header compression of one connection."""
