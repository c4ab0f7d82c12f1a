"""What a comparison stands on: processes on loopback, and the lines to them.

| module | what it does |
|---|---|
| `subjects` | the processes that are compared, with broker, PostgreSQL and Partner Center |
| `bare_loop` | the loop that azplan is compared with |
| `mock_partner_center` | a Partner Center that only answers, as a process |
| `partner_center_answers` | what it answers |
| `load` | sends commands and hears answers, with the time of each |
| `round_trips` | counts round trips to PostgreSQL, as a proxy |
"""
