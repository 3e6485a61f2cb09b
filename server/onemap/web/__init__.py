"""The web layer: routing, negotiation, responses, problems, pages, middleware, OpenAPI assembly."""
