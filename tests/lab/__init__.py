"""What needs the applied stack."""
