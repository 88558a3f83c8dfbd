"""The program `fmg-rt` around the library: its loop, what it tells, how it stops, what it checks."""
