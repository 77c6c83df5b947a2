"""Every command with its module and its summary, so that help need not import one."""

from __future__ import annotations

from cronapi.cli.lazy import Table

_API = "cronapi.cli.api"
_PLAN = "cronapi.cli.plan.command"

COMMANDS: Table = {
    "account": ("", "The account that the token belongs to."),
    "account edit": (f"{_API}.account", "Set the account's time zone."),
    "account get": (f"{_API}.account", "Show the account (FastCron)."),
    "account secret": (f"{_API}.account", "Set the text that stands for __secret__ (FastCron)."),
    "adopt": (_PLAN, "Add jobs to a manifest, and move them into its scope."),
    "apply": (_PLAN, "Change the jobs of an account to those of a manifest."),
    "call": (f"{_API}.call", "Call any function by its name and print its raw data."),
    "check": (_PLAN, "Look for likely mistakes in a manifest."),
    "completion": ("cronapi.cli.completion.command", "Print the script that completes commands."),
    "cron": ("", "The jobs."),
    "cron add": (f"{_API}.cron_write", "Create a job, or one for each row of a file."),
    "cron batch-add": (f"{_API}.cron_batch", "Create jobs with one request (FastCron)."),
    "cron batch-delete": (f"{_API}.cron_batch", "Delete jobs with one request (FastCron)."),
    "cron batch-edit": (f"{_API}.cron_batch", "Change jobs alike with one request (FastCron)."),
    "cron delete": (f"{_API}.cron_deeds", "Delete jobs."),
    "cron disable": (f"{_API}.cron_deeds", "Stop jobs until they are enabled."),
    "cron edit": (f"{_API}.cron_write", "Change the given fields of jobs."),
    "cron enable": (f"{_API}.cron_deeds", "Let jobs run by their schedules again."),
    "cron ensure": (
        f"{_API}.cron_write",
        "Create the job of this name, or edit it where it differs.",
    ),
    "cron failures": (f"{_API}.cron_runs", "List the failed runs of a job, or of all jobs."),
    "cron find": (f"{_API}.cron_read", "Show the job of exactly this name."),
    "cron get": (f"{_API}.cron_read", "Show jobs."),
    "cron group-edit": (f"{_API}.cron_batch", "Change all jobs of a group alike (FastCron)."),
    "cron list": (f"{_API}.cron_read", "List the jobs, all or some."),
    "cron logs": (f"{_API}.cron_runs", "List the runs of jobs."),
    "cron next": (f"{_API}.cron_read", "List the times at which a job will run (FastCron)."),
    "cron pause": (f"{_API}.cron_deeds", "Stop jobs for a span of time."),
    "cron run": (f"{_API}.cron_runs", "Queue one run of a job and print its time."),
    "demo": (
        "cronapi.cli.demo.command",
        "Work at both services at once, at a local emulator.",
    ),
    "drift": (_PLAN, "Tell where the account differs from a manifest, for cron and CI."),
    "emulator": (
        "cronapi.cli.emulator.command",
        "Serve both services locally, with their rate limits.",
    ),
    "export": (_PLAN, "Print a manifest of the jobs that are there."),
    "group": ("", "The groups of jobs."),
    "group add": (f"{_API}.group", "Create a group."),
    "group delete": (f"{_API}.group", "Delete a group and keep its jobs."),
    "group edit": (f"{_API}.group", "Change the given fields of a group."),
    "group empty": (f"{_API}.group", "Delete the jobs of a group."),
    "group get": (f"{_API}.group", "Show a group."),
    "group items": (f"{_API}.group", "List the jobs of a group."),
    "group list": (f"{_API}.group", "List the groups."),
    "group lookup": (f"{_API}.group", "List the groups of exactly this name."),
    "group vanish": (f"{_API}.group", "Delete a group and its jobs."),
    "health": (f"{_API}.health", "Tell which jobs are failing, late, disabled, or never ran."),
    "help": ("", "Further help."),
    "help exit-codes": ("cronapi.cli.help.command", "List the exit codes with their meanings."),
    "hook": ("", "Receive notifications on this machine, or post one."),
    "hook listen": (
        "cronapi.cli.hook.command",
        "Print the notifications that are posted to this machine.",
    ),
    "hook secret": ("cronapi.cli.hook.command", "Print a new secret for an address or a header."),
    "hook trigger": (
        "cronapi.cli.hook.command",
        "Post a sample notification of now to an endpoint.",
    ),
    "migrate": (_PLAN, "Write a manifest for another service, and list all that gets lost."),
    "next": (
        "cronapi.cli.next.command",
        "Tell when an expression runs, without a request.",
    ),
    "pace": (
        "cronapi.cli.pace.command",
        "Draw live how the scheduler paces requests.",
    ),
    "plan": (_PLAN, "Say what differs between a manifest and the account."),
    "rotate": (_PLAN, "Put a new secret into every job that shows the old one."),
    "server": ("", "Facts about SetCronJob's servers."),
    "server ip": (f"{_API}.server", "List the addresses from which jobs are called."),
    "server time": (f"{_API}.server", "Show the service's time."),
    "server timezones": (f"{_API}.server", "List the time zones that jobs may have."),
    "server useragent": (f"{_API}.server", "Show the User-Agent with which jobs are called."),
    "whoami": (f"{_API}.whoami", "Show the account, the address and the token's fingerprint."),
}
