"""Two captures beside each other: what differs in meaning, in numbers, exchange by exchange; pure functions over two
analyses, or over the packets of two places."""
