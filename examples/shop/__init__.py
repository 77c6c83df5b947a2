"""A whole small application: shops that sell, and a report of each that a job asks for each day.

- `database.py` keeps shops, sales, reports and alerts in SQLite.
- `app.py` has the pages for users, the endpoint that the jobs call, and the one for notifications.
- `test_shop.py` tests it with the pytest plugin, in process.

Try it with two terminals, both in the folder `examples`:

    cronapi emulator --execute loopback --webhook http://127.0.0.1:8000/hooks/the-secret-of-my-hooks
    PUBLIC_URL=http://127.0.0.1:8000 CRON_KEY=the-key-of-my-reports REPORT_TIMES="* * * * *" \
        HOOK_SECRET=the-secret-of-my-hooks FASTCRON_TOKEN=... \
        FASTCRON_BASE_URL=http://127.0.0.1:8765/api/v1/ uvicorn --factory shop.app:from_environment

Then `curl -X PUT http://127.0.0.1:8000/shops/tea` opens a shop, and
`curl -X POST http://127.0.0.1:8765/_emulator/clock -d '{"advance": "5 minutes"}'` lets time pass.
"""
