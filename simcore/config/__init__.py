"""What the user wrote, as checked and frozen objects."""
