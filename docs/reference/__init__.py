"""What is made from the code and stands in docs/: `make docs` writes it, tests compare it."""
