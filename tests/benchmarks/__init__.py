"""How fast Twofold is, beside what people would otherwise take: programs that people run.

    make bench            all of them, and BENCHMARKS.md written anew
    make bench-home       one of them
    make bench-document   BENCHMARKS.md from what was measured last

What is compared runs in the same minutes on the same machine, turn by turn, and what is told is
the median of the rounds with the least and the most. Each program keeps what it found in
`results/`, from which the document and its plots are made.
"""
