"""A simulated warehouse: PLC, scanners, vehicles and an ERP. Knows nothing of the gateway."""
