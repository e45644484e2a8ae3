"""What needs a real search engine."""
