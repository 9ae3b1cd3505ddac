"""`python -m wiretale` is the command."""
from analyzer.cli.main import main

if __name__ == "__main__":
    main()
