"""Study, plan, ledger, Ray, storage, MLflow, statistics, export, CLI; knows no trainable."""
