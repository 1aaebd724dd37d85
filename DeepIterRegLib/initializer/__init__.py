"""The initializer: a network that finds the head from its veins."""
