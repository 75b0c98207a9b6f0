"""The nouns all other packages share: frozen values, enums and errors. Imports nothing of ours."""
