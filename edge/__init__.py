"""The Milepost daemon: ingest, the milestone engine, delivery and its supervision."""
