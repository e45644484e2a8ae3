"""What talks to others: sockets, AWS, time of a call."""
