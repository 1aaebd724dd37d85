"""Makes the initializer's checkpoint: samples from generated anatomy, loss, training, export."""
