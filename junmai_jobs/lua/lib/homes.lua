local finished_homes = {succeeded = succeeded, failed = failed, cancelled = cancelled}
