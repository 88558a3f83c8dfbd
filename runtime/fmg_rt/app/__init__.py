"""The program `fmg-rt` around the library: loop, status, stop, checks."""
