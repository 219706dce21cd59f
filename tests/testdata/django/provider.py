"""An OpenID provider made of Django and django-oauth-toolkit, on a loopback address.

Usage: provider.py folder client_id client_secret. It prints its issuer. GET
/login/?next=… signs Ada in without asking; POST /redirect/ with uri is the client's
redirect URI from then on; POST /rotate/ makes a new signing key.
"""
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from jwcrypto import jwk

folder, client_id, client_secret = sys.argv[1:]


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def new_key():
    return jwk.JWK.generate(kty="RSA", size=2048).export_to_pem(private_key=True, password=None).decode()


server = make_server("127.0.0.1", 0, None, handler_class=Quiet)
base = f"http://127.0.0.1:{server.server_port}"
settings.configure(
    SECRET_KEY="only for tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder + "/db"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "oauth2_provider"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    LOGIN_URL="/login/",
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_ISS_ENDPOINT": base + "/o",
        "OIDC_RSA_PRIVATE_KEY": new_key(),
        "PKCE_REQUIRED": True,
        "SCOPES": {"openid": "who they are", "email": "their address", "profile": "their name"},
        "ACCESS_TOKEN_EXPIRE_SECONDS": 60,
        "OAUTH2_VALIDATOR_CLASS": __name__ + ".Validator",
    },
)
django.setup()

from django.contrib.auth import get_user_model, login  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, HttpResponseRedirect  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider.models import get_application_model  # noqa: E402
from oauth2_provider.oauth2_validators import OAuth2Validator  # noqa: E402
from oauth2_provider.settings import oauth2_settings  # noqa: E402


class Validator(OAuth2Validator):
    oidc_claim_scope = None  # all claims, whatever the scope

    def get_additional_claims(self, request):
        user = request.user
        return {"name": user.get_full_name(), "email": user.email, "email_verified": True}


def sign_in(request):
    login(request, get_user_model().objects.get(username="ada"), backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponseRedirect(request.GET["next"])


def redirect(request):
    get_application_model().objects.update(redirect_uris=request.POST["uri"])
    return HttpResponse("")


def rotate(request):
    oauth2_settings.OIDC_RSA_PRIVATE_KEY = new_key()
    return HttpResponse("")


urlpatterns = [
    path("login/", sign_in),
    path("redirect/", redirect),
    path("rotate/", rotate),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
]

call_command("migrate", verbosity=0)
get_user_model().objects.create_user("ada", email="ada@example.com", first_name="Ada", last_name="Lovelace")
get_application_model().objects.create(
    name="site", client_id=client_id, client_secret=client_secret, client_type="confidential",
    authorization_grant_type="authorization-code", redirect_uris=base, skip_authorization=True, algorithm="RS256",
)
server.set_app(get_wsgi_application())
print(base + "/o", flush=True)
server.serve_forever()
