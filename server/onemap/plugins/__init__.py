"""OneMap inside other servers. Each module here needs the software it plugs into, and nothing else imports it."""
