"""`python -m edge` is `milepost`."""

from edge.cli import main

main()
