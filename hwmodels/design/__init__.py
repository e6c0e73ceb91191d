"""What a designer chooses: hardware and mapping, the choices by name, and which of them go together."""
