"""What this gateway reaches on this machine, each figure beside what the machine itself reaches."""
