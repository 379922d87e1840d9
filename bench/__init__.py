"""What gatepost can carry, measured beside others in one run: `python -m bench`. See README.md in this folder."""
