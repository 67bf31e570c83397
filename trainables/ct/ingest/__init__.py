"""Real CT in: NIfTI, DICOM and PNG to Parquet of HU slices."""
