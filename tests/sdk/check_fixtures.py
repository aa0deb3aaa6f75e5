"""Checks the bytes of the scripted provider with the providers' own SDKs.

    python check_fixtures.py PATH-OF-scripted-provider
"""

import json
import subprocess
import sys
import urllib.request

from anthropic import Anthropic, InternalServerError
from llama_api_client import LlamaAPIClient
from openai import OpenAI, RateLimitError

CALLS = [("call_1", "weather", '{"city":"Köln"}'), ("call_2", "clock", "{}")]
SAID = "Guten Tag, Köln."
ASKED = [{"role": "user", "content": "hello"}]
KEY = "not-a-key"


def script(url, *replies):
    body = json.dumps(replies).encode()
    headers = {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(url + "/script", body, headers)).read()


def same_calls(calls):
    found = [(call[0], call[1], json.loads(call[2])) for call in calls]
    wanted = [(call[0], call[1], json.loads(call[2])) for call in CALLS]
    assert found == wanted, found


def check_openai(url):
    client = OpenAI(base_url=url + "/v1", api_key=KEY, max_retries=0, _strict_response_validation=True)
    complete = client.chat.completions.create
    script(url, {"text": SAID}, {"both": [SAID, CALLS]})
    answer = complete(model="m", messages=ASKED)
    assert answer.choices[0].message.content == SAID and answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.cached_tokens) == (10, 3)
    answer = complete(model="m", messages=ASKED)
    calls = answer.choices[0].message.tool_calls
    same_calls([(call.id, call.function.name, call.function.arguments) for call in calls])
    assert answer.choices[0].finish_reason == "tool_calls"

    script(url, {"both": [SAID, CALLS]}, {"status": {"code": 429, "retry_after": "1"}})
    options = {"include_usage": True}
    with client.chat.completions.stream(model="m", messages=ASKED, stream_options=options) as stream:
        stream.until_done()
        answer = stream.get_final_completion()
    assert answer.choices[0].message.content == SAID and answer.usage.completion_tokens == 5
    calls = answer.choices[0].message.tool_calls
    same_calls([(call.id, call.function.name, call.function.arguments) for call in calls])
    try:
        complete(model="m", messages=ASKED)
        raise AssertionError("no error")
    except RateLimitError as error:
        assert error.type == "rate_limit_error"


def check_anthropic(url):
    client = Anthropic(base_url=url, api_key=KEY, max_retries=0, _strict_response_validation=True)
    ask = dict(model="m", max_tokens=100, messages=ASKED)
    thought = {"thought": {"thinking": "hm", "signature": "c2ln", "calls": CALLS}}
    script(url, {"text": SAID}, {"both": [SAID, CALLS]}, thought)
    answer = client.messages.create(**ask)
    assert answer.content[0].text == SAID and answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (6, 3)
    answer = client.messages.create(**ask)
    same_calls([(block.id, block.name, json.dumps(block.input)) for block in answer.content[1:]])
    assert answer.stop_reason == "tool_use"
    answer = client.messages.create(**ask)
    assert (answer.content[0].thinking, answer.content[0].signature) == ("hm", "c2ln")

    script(url, {"both": [SAID, CALLS]}, thought, {"fails_midway": SAID}, {"status": {"code": 529}})
    with client.messages.stream(**ask) as stream:
        answer = stream.get_final_message()
    assert answer.content[0].text == SAID and answer.usage.output_tokens == 5
    same_calls([(block.id, block.name, json.dumps(block.input)) for block in answer.content[1:]])
    with client.messages.stream(**ask) as stream:
        answer = stream.get_final_message()
    assert (answer.content[0].thinking, answer.content[0].signature) == ("hm", "c2ln")
    try:
        with client.messages.stream(**ask) as stream:
            stream.until_done()
        raise AssertionError("no error")
    except Exception as error:
        assert "overloaded_error" in str(error), error
    try:
        client.messages.create(**ask)
        raise AssertionError("no error")
    except InternalServerError as error:
        assert error.status_code == 529


def check_llama(url):
    client = LlamaAPIClient(
        base_url=url + "/llama/v1", api_key=KEY, max_retries=0, _strict_response_validation=True
    )
    complete = client.chat.completions.create
    script(url, {"text": SAID}, {"both": [SAID, CALLS]}, {"both": [SAID, CALLS]})
    answer = complete(model="m", messages=ASKED)
    assert answer.completion_message.content.text == SAID
    assert {metric.metric: metric.value for metric in answer.metrics}["num_prompt_tokens"] == 10
    message = complete(model="m", messages=ASKED).completion_message
    same_calls([(call.id, call.function.name, call.function.arguments) for call in message.tool_calls])
    assert message.stop_reason == "tool_calls"

    text, calls, kinds = "", [], []
    for chunk in complete(model="m", messages=ASKED, stream=True):
        delta = chunk.event.delta
        kinds.append(chunk.event.event_type)
        if delta.type == "text":
            text += delta.text
        elif delta.id:
            calls.append([delta.id, delta.function.name, delta.function.arguments or ""])
        else:
            calls[-1][2] += delta.function.arguments
    assert text == SAID and kinds[0] == "start" and kinds[-2:] == ["complete", "metrics"]
    same_calls(calls)


def main():
    with subprocess.Popen([sys.argv[1]], stdout=subprocess.PIPE, text=True) as provider:
        try:
            url = provider.stdout.readline().strip()
            for check in (check_openai, check_anthropic, check_llama):
                check(url)
                print("ok", check.__name__.removeprefix("check_"), flush=True)
        finally:
            provider.terminate()


if __name__ == "__main__":
    main()
