"""`python -m mulberry`: the command line."""

from mulberry.cli.main import main

if __name__ == "__main__":
    main()
