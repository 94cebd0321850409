"""``python -m pleinair``: the command line."""

from pleinair.cli import main

if __name__ == "__main__":
    main()
