"""Tools that build, set up and check the project. Those that run before setup use the standard library only."""
