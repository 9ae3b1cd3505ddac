"""HTTP/3 (RFC 9114): requests and responses over the streams of QUIC, their fields compressed with QPACK."""
