"""What the machine should do: operations and their costs, without a clock."""
