"""The daemon's local interface: health, served on a Unix socket."""
