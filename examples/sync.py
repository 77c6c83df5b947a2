"""Make jobs those that a manifest lists: `FASTCRON_TOKEN=... python sync.py cronjobs.toml`.

docs/manifest.md describes the file. `--dry-run` prints the plan alone. Jobs in the scope that the
file does not list are deleted with `--prune`. FASTCRON_BASE_URL points it elsewhere, at an emulator
for example.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection

from cronapi import FastCron, ManifestError, UnsafePlanError
from cronapi.manifest import Manifest


async def sync(api: FastCron, path: str, options: Collection[str] = ()) -> bool:
    """Print the plan, carry it out, and return True if all went well."""
    plan = await Manifest.load(path).plan(api, prune="--prune" in options)
    print(plan.to_text())
    if "--dry-run" in options:
        return not plan.blocked
    result = await plan.apply()
    print(result.summary(), *result.errors, sep="\n  ")
    return result.is_complete and not result.blocked


async def main(path: str, options: Collection[str] = ()) -> int:
    """Make the jobs those of the file, and return the exit code."""
    try:
        async with FastCron() as api:
            return 0 if await sync(api, path, options) else 1
    except (ManifestError, UnsafePlanError) as error:
        print(error)
        return 3


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2:])))
