"""What limited a transfer, held against what both kernels say of it: python -m bench.diagnosis limits [NAME ...]

Records the transfers of bench/limits/transfers.py where they are not recorded yet, with TCP_INFO of both kernels beside
the captures of both hosts (into build/limits; not part of the source), and tells them. A line for each capture: the
shares of the time in per cent that the kernel gives to the receiver's window, to the program that sends and to the
rest, ours, how far they are apart; and in how many round trips outside recovery our congestion window is near the
kernel's.

Exits with 1 where fewer are near than are wanted, with 2 where there is nothing to compare.
"""
