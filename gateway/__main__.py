"""`python -m gateway` is `slipstream`."""

from gateway.cli import main

if __name__ == "__main__":
    main()
