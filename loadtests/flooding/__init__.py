"""Floods of WebSockets: who sends them, who must not suffer, and what the gateway has to say."""
