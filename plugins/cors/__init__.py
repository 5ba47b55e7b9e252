"""Who may read answers from pages of other origins (Fetch standard, CORS protocol)."""

from plugins.cors.plugin import CorsPlugin

PLUGIN = CorsPlugin
