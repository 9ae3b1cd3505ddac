"""One module, or one folder, for each protocol. They never import one another."""
