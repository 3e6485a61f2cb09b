"""What several blocks need to write files: the limits of formats."""
