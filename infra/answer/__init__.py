"""What the cells say: differences, verdicts, labels, confounds, findings."""
