"""The paper's figures and its table over another cohort, beside the published numbers."""
