"""What every dissector is made of: inputs, events, the protocol record, readers of bytes."""
