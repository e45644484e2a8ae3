"""What one invocation does with its records or messages."""
