"""The frame of every command: its options, its exit codes and its errors. Only click is loaded."""
