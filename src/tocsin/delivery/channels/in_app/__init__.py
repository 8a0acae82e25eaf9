"""In the product itself: the web shows what was delivered."""
