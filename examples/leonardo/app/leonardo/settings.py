"""Settings of Leonardo, all from the environment."""
import os

_hosts = os.environ.get("DB_HOSTS", "127.0.0.1").replace(" ", "")

DEBUG = False
SECRET_KEY = os.environ.get("SECRET_KEY", "leonardo-lab-only-not-a-secret")
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "leonardo.urls"
WSGI_APPLICATION = "leonardo.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "leonardo",
]
MIDDLEWARE = [
    "leonardo.middleware.PodHeader",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

# All database servers are named; libpq takes the one that accepts writes, so that a failover needs no new settings.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _hosts,
        "PORT": ",".join([os.environ.get("DB_PORT", "5432")] * len(_hosts.split(","))),
        "NAME": os.environ.get("DB_NAME", "leonardo"),
        "USER": os.environ.get("DB_USER", "leonardo"),
        "PASSWORD": os.environ.get("DB_PASSWORD", ""),
        "CONN_MAX_AGE": 2,
        "OPTIONS": {
            "target_session_attrs": "read-write",
            "connect_timeout": 2,
            "keepalives_idle": 2,
            "keepalives_interval": 1,
            "keepalives_count": 2,
            "tcp_user_timeout": 3000,
            "options": "-c statement_timeout=3000",
            "application_name": os.environ.get("POD_NAME", "leonardo")[:63],
        },
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": os.environ.get("CACHE", "127.0.0.1:11211"),
        "OPTIONS": {"connect_timeout": 0.5, "timeout": 0.5, "ignore_exc": True},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

POD_NAME = os.environ.get("POD_NAME") or os.environ.get("HOSTNAME", "?")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
