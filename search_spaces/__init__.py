"""The documented grids, results and findings: plain data, small predicates, stdlib only."""
