"""What a document is, from an item. Pure: it imports no edge."""
