"""Run the command as `python -m manifests`."""

from manifests.cli import main

if __name__ == "__main__":
    main()
