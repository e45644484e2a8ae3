"""The write protocol: decisions alone. Pure: it imports no edge."""
