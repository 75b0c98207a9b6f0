"""What is proven to whom: RA-TLS certificates, TDX quotes, and what a verified peer showed."""
