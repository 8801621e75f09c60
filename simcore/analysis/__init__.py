"""What it means: metrics, closed form and checks; never the engine."""
