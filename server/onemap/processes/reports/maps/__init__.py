"""Maps of reports, drawn from the styles of the layers."""
