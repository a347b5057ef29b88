from django.urls import path

from leonardo import views

urlpatterns = [
    path("", views.home),
    path("notes", views.notes),
    path("healthz", views.healthz),
    path("livez", views.livez),
    path("whoami", views.whoami),
]
