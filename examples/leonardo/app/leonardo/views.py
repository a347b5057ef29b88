import json

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from leonardo.models import Note, Page

SHOWN = 50


def _nginx(request):
    return request.META.get("HTTP_X_NGINX_POD", "")


def _client(request):
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return forwarded.split(",")[0].strip() or request.META["REMOTE_ADDR"]


def _database():
    """The address of the database server that this process is connected to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT host(inet_server_addr())")
        return cursor.fetchone()[0]


def _who(request):
    return {"app": settings.POD_NAME, "nginx": _nginx(request)}


def _pages():
    """The pages change with a release only, so that they are worth caching."""
    pages = cache.get("pages")
    if pages is None:
        pages = list(Page.objects.values("slug", "title", "body"))
        cache.set("pages", pages, 30)
    return pages


def _add(request, text):
    page, _ = Page.objects.get_or_create(slug="welcome", defaults={"title": "Welcome", "body": ""})
    return Note.objects.create(page=page, text=text, app=settings.POD_NAME)


@csrf_protect
def home(request):
    if request.method == "POST":
        text = request.POST.get("text", "").strip()
        if text:
            _add(request, text[:2000])
        return redirect("/")
    visits = request.session.get("visits", 0) + 1
    request.session["visits"] = visits
    return render(
        request,
        "home.html",
        {
            "pages": _pages(),
            "notes": Note.objects.all()[:SHOWN],
            "visits": visits,
            "client": _client(request),
            "database": _database(),
            **_who(request),
        },
    )


@csrf_exempt
def notes(request):
    if request.method == "GET":
        listed = [{"id": note.id, "text": note.text, "app": note.app} for note in Note.objects.all()[:SHOWN]]
        return JsonResponse({"notes": listed, "count": Note.objects.count(), "database": _database(), **_who(request)})
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "POST"])
    if request.content_type == "application/json":
        try:
            text = json.loads(request.body)["text"]
        except (ValueError, KeyError, TypeError):
            return JsonResponse({"error": 'the body must be {"text": "..."}'}, status=400)
    else:
        text = request.POST.get("text", "")
    if not isinstance(text, str) or not text.strip() or len(text) > 2000:
        return JsonResponse({"error": "text must have 1 to 2000 characters"}, status=400)
    note = _add(request, text.strip())
    return JsonResponse({"id": note.id, "text": note.text, "database": _database(), **_who(request)}, status=201)


def healthz(request):
    try:
        return JsonResponse({"database": _database()})
    except DatabaseError as error:
        connection.close()
        return JsonResponse({"error": str(error).strip()}, status=503)


def livez(request):
    return HttpResponse("ok\n", content_type="text/plain")


def whoami(request):
    return JsonResponse({"client": _client(request), **_who(request)})
