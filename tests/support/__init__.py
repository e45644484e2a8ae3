"""What several tests share: events, clocks, and fakes that keep the real things' contracts."""
