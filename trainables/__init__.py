"""The models and their training; knows torch, not Ray, MLflow or S3."""
