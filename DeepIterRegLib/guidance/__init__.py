"""What a registered pose is worth to the one who steers: targets, working angles."""
