"""The local lab: AWS APIs and a real search engine on this machine, without containers."""
