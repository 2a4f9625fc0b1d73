"""What is left of the pages' numbers outside of the notebooks."""
