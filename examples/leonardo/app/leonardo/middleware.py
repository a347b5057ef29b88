from django.conf import settings


class PodHeader:
    """Says in each answer which pod made it."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["X-App-Pod"] = settings.POD_NAME
        return response
