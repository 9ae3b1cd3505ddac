"""DNS over UDP and TCP, multicast DNS and LLMNR: one message format, three protocols."""
