"""By what they need: see ARCHITECTURE.md."""
