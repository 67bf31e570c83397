"""What training is made of: its target, its optimizers, its averages, 8-bit products, REPA."""
