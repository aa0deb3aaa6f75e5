"""Chats with a running Annals through clients as they come from their registries.

    ANNALS_URL=http://127.0.0.1:8080 ANNALS_API_KEY=ak_... python check_clients.py

ANNALS_MODEL names the model, `gpt-test` unless it is set. Some of these clients would register
themselves on the internet, so no connection leaves this machine and HOME is a scratch folder.
"""

import asyncio
import os
import socket
import sys
import tempfile
import traceback
import urllib.error
import urllib.request

URL = os.environ["ANNALS_URL"].rstrip("/")
KEY = os.environ["ANNALS_API_KEY"]
MODEL = os.environ.get("ANNALS_MODEL", "gpt-test")
ASKED = [{"role": "user", "content": "Say hello."}]
os.environ["HOME"] = tempfile.mkdtemp(prefix="annals-sdk-")


def stay_at_home():
    def guarded(connect):
        def connect_here(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6):
                assert address[0] in ("127.0.0.1", "::1"), f"a client wants to connect to {address}"
            return connect(self, address)

        return connect_here

    socket.socket.connect = guarded(socket.socket.connect)
    socket.socket.connect_ex = guarded(socket.socket.connect_ex)


def check_chunks(chunks):
    said = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert "".join(said).strip(), chunks
    assert reasons[-1] == "stop", reasons


def check_openai(OpenAI, url):
    client = OpenAI(base_url=url, api_key=KEY, max_retries=0)
    assert client.models.list().data
    answer = client.chat.completions.create(model=MODEL, messages=ASKED)
    assert answer.choices[0].message.content.strip() and answer.usage.total_tokens > 0
    check_chunks(list(client.chat.completions.create(model=MODEL, messages=ASKED, stream=True)))


def openai():
    from openai import OpenAI

    check_openai(OpenAI, URL + "/v1")


def ainative_openai():
    from ainative_openai import OpenAI

    check_openai(OpenAI, URL + "/api/v1")


def anthropic():
    from anthropic import Anthropic

    client = Anthropic(base_url=URL, api_key=KEY, max_retries=0)
    ask = dict(model=MODEL, max_tokens=100, messages=ASKED)
    answer = client.messages.create(**ask)
    assert answer.content[0].text.strip() and answer.stop_reason == "end_turn"
    with client.messages.stream(**ask) as stream:
        assert stream.get_final_text().strip()


def ainative_agent():
    from ainative_agent.client import AINativeClient
    from ainative_agent.types import ChatRequest

    async def chat():
        request = ChatRequest(model=MODEL, messages=ASKED)
        async with AINativeClient(api_key=KEY, base_url=URL) as client:
            answer = await client.chat.complete(request)
            assert answer.choices[0].message["content"].strip() and answer.usage.total_tokens > 0
            chunks = [chunk async for chunk in client.chat.stream(request)]
        choices = [choice for chunk in chunks for choice in chunk.choices]
        assert "".join(choice["delta"].get("content") or "" for choice in choices).strip()
        assert choices[-1]["finish_reason"] == "stop"

    asyncio.run(chat())


def ainative_python():
    """It has no streams, and keeps or drops `v1` depending on the slash at the end."""
    from ainative import AINativeClient

    with AINativeClient(api_key=KEY, base_url=URL + "/api/v1/") as client:
        assert client.health_check()["status"] == "healthy"
        answer = client.post("/chat/completions", data={"model": MODEL, "messages": ASKED})
        assert answer["choices"][0]["message"]["content"].strip()
    with AINativeClient(api_key=KEY, base_url=URL + "/api/v1") as client:
        assert client.health_check()["status"] == "healthy"


def serves_messages():
    """Whether the Anthropic dialect is served yet."""
    request = urllib.request.Request(URL + "/v1/messages", b"{}", {"x-api-key": KEY})
    request.add_header("content-type", "application/json")
    try:
        urllib.request.urlopen(request).close()
    except urllib.error.HTTPError as error:
        return error.code not in (404, 405, 501)
    return True


def passes(check):
    name = check.__name__.replace("_", "-")
    if check is anthropic and not serves_messages():
        print("skipped", name, "(/v1/messages is not served)", flush=True)
        return True
    try:
        check()
    except Exception:
        traceback.print_exc()
        print("FAILED", name, flush=True)
        return False
    print("ok", name, flush=True)
    return True


def main():
    stay_at_home()
    checks = [openai, anthropic, ainative_openai, ainative_agent, ainative_python]
    sys.exit(not all([passes(check) for check in checks]))


if __name__ == "__main__":
    main()
