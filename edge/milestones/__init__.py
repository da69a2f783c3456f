"""The pure engine: observations in, milestones out. No clock, no socket, no database."""
