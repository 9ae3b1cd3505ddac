"""Records the samples: hosts in network namespaces, a link emulated in user space, real programs."""
