"""Which of the CTA's vessels a run fills: its vessels cut into branches, and what the picture says of each."""
