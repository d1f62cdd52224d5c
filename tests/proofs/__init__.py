"""Programs that prove what a test of a few seconds can only suggest.

Each is one command, `make proof-NAME`: real processes, killed and frozen, and many of everything.
It prints what it did, its seed and how long it took, and ends with 1 if something did not hold.
`make test` runs each in small.
"""
