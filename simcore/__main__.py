"""`python -m simcore` is the command `simcore`."""

from simcore.cli.app import main

if __name__ == "__main__":
    main()
