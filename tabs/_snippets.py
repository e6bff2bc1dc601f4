"""Calls that work when pasted. The page puts in its own address and the reader's key."""

SNIPPETS = {
    "OpenAI client": """from openai import OpenAI

client = OpenAI(
    base_url="{base}/v1",
    api_key="{key}",
)
speech = client.audio.speech.create(
    model="auto",
    voice="alloy",
    input="Hello from VoiceForge.",
)
speech.write_to_file("hello.mp3")""",
    "curl": """curl {base}/v1/audio/speech \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{"voice": "alloy", "input": "Hello from VoiceForge."}' \\
  --output hello.mp3""",
    "Gradio client": """from gradio_client import Client

client = Client(
    "{base}",
    headers={"X-API-Key": "{key}"},
)
print(client.predict("Hello.", api_name="/speak"))""",
}
