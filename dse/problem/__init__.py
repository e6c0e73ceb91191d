"""What is searched: a workload in a design space with objectives and limits, scored exactly in batches."""
