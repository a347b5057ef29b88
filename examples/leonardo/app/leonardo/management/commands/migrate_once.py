from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection

LOCK = 0x1E0A2D0


class Command(BaseCommand):
    help = "Migrates; of several callers at once, one works and the others wait."

    def handle(self, *args, **options):
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            try:
                call_command("migrate", interactive=False, verbosity=options["verbosity"])
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
