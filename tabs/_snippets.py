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

CLIENTS = {
    "Python": """import asyncio, base64, wave
from openai import AsyncOpenAI

client = AsyncOpenAI(
    base_url="{base}/v1",
    websocket_base_url="{socket}/v1",
    api_key="{key}",
)

async def main():
    sound = b""
    async with client.realtime.connect(model="gpt-realtime") as session:
        await session.conversation.item.create(item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Hello! Who are you?"}],
        })
        await session.response.create()
        async for event in session:
            if event.type == "response.output_audio_transcript.delta":
                print(event.delta, end="", flush=True)
            elif event.type == "response.output_audio.delta":
                sound += base64.b64decode(event.delta)
            elif event.type == "error":
                raise SystemExit(event.error.message)
            elif event.type == "response.done":
                break
    with wave.open("answer.wav", "wb") as file:
        file.setparams((1, 2, 24000, 0, "NONE", ""))
        file.writeframes(sound)

asyncio.run(main())""",
    "JavaScript": """// On your server: a secret that opens sessions for ten minutes. The key stays there.
const answer = await fetch("{base}/v1/realtime/client_secrets", {
  method: "POST",
  headers: { "Authorization": "Bearer {key}", "Content-Type": "application/json" },
  body: JSON.stringify({ session: { type: "realtime", model: "gpt-realtime" } }),
});
const { value } = await answer.json();

// In the page: browsers send no headers here, so the secret goes as a subprotocol.
const socket = new WebSocket("{socket}/v1/realtime?model=gpt-realtime", [
  "realtime",
  `openai-insecure-api-key.${value}`,
]);
const send = (event) => socket.send(JSON.stringify(event));
socket.onopen = () => {
  const content = [{ type: "input_text", text: "Hello! Who are you?" }];
  send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  send({ type: "response.create" });
};
socket.onmessage = ({ data }) => {
  const event = JSON.parse(data);
  if (event.type === "response.output_audio_transcript.done") console.log(event.transcript);
  if (event.type === "error") console.error(event.error.message);
  if (event.type === "response.done") socket.close();
};""",
    "JavaScript, /ws": """// VoiceForge's own protocol: text and sound on one socket, also without a secret.
const socket = new WebSocket("{socket}/ws", ["voiceforge", "key.{key}"]);
socket.binaryType = "arraybuffer";
socket.onopen = () => socket.send(JSON.stringify({ type: "message", content: "Hello! Who are you?" }));
socket.onmessage = ({ data }) => {
  if (data instanceof ArrayBuffer) return; // 24 kHz PCM16, as it is spoken
  const message = JSON.parse(data);
  if (message.type === "response_done") console.log(message.item?.text);
  if (message.type === "error") console.error(message.message);
  if (message.type === "response_done") socket.send(JSON.stringify({ type: "end" }));
};""",
}
"""Programs that hold a conversation, the same way."""
