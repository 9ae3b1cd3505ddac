"""Link, network and transport headers; decapsulation; fragments."""
