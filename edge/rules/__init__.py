"""Working with rules before they go live: what they say, and what they would conclude."""
