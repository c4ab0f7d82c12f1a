"""The part of Entra: grants, bearer tokens and the token endpoints."""
