from django.db import migrations

PAGES = [
    ("welcome", "Welcome", "This site runs in Kubernetes pods; its database runs in OpenStack virtual machines."),
    ("about", "About", "Each answer says which nginx pod, application pod and database server took part in it."),
]


def create(apps, schema_editor):
    page = apps.get_model("leonardo", "Page")
    for slug, title, body in PAGES:
        page.objects.get_or_create(slug=slug, defaults={"title": title, "body": body})


class Migration(migrations.Migration):
    dependencies = [("leonardo", "0001_initial")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
