"""The daemon's local interface: health and the operator's decisions, over a Unix socket."""

SUDO_USER_HEADER = "Milepost-Sudo-User"
"""With what is asked as root: who became root through sudo."""
