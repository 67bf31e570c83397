"""Results that somebody else recorded, from a CSV, MLflow, W&B or TensorBoard, as one table."""
