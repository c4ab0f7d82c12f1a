"""What one command does with datasets: the journal and the destination of files together.

| part | what lives there |
|---|---|
| `command_files` | the datasets that a command holds, its exports with their parts, and single files |
| `publication` | the step that publishes a version once |
"""
