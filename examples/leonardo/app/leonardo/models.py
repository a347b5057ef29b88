from django.db import models


class Page(models.Model):
    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=200)
    body = models.TextField()

    class Meta:
        ordering = ["id"]


class Note(models.Model):
    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="notes")
    text = models.CharField(max_length=2000)
    app = models.CharField(max_length=253)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
