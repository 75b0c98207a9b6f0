"""Newer versions of Mulberry: asked for with consent, believed when signed, put in place when no request runs."""
