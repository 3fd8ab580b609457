#!/usr/bin/env python3
"""Asks a running OpenAI-compatible server the prompts of a JSON lines file (see prompts.py) at temperature 0 and
counts the right answers; --tokens compares the server's /tokenize (a llama.cpp endpoint) with our tokenizer."""

import argparse
import json
import urllib.request

import corpus
import prompts
from tokenizer import Tokenizer

AWKWARD = ["", " ", "  two  spaces ", "\n\n line\r\n\r\n  end\t", "It's I'LL we've '", "12345 a1b2 3.14", "café 😊 naïve Привет 你好", "x=y+2;//!?\n\n",
           "<|im_end|> is plain text here", "tab\tand\u3000wide\u00a0space", "e\u0301 \u0661\u0662 \u2167"]


def post(url, path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as reply:
        return json.load(reply)


def ask(url, model, messages):
    """The server's greedy answer."""
    body = {"model": model, "messages": messages, "temperature": 0, "max_tokens": 64}
    return post(url, "/v1/chat/completions", body)["choices"][0]["message"]["content"]


def compare_tokens(url, tokenizer, count):
    """Number of texts that both tokenizers encode alike, and of all: documents of the corpus and awkward strings."""
    texts = AWKWARD + [m["content"] for i in range(count) for m in corpus.document(3, i, True)["messages"]]
    alike = 0
    for text in texts:
        theirs = post(url, "/tokenize", {"content": text, "add_special": False, "parse_special": False})["tokens"]
        alike += theirs == tokenizer.encode(text)
    return alike, len(texts)


def main():
    parser = argparse.ArgumentParser(description="check a server's answers to held-out prompts")
    parser.add_argument("url", help="such as http://127.0.0.1:8080")
    parser.add_argument("prompts")
    parser.add_argument("--model", default="lull-toy:q8_0")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--tokens", metavar="TOKENIZER", help="also compare with this tokenizer file")
    args = parser.parse_args()
    right = asked = 0
    with open(args.prompts, encoding="utf-8") as f:
        for line in list(f)[: args.limit]:
            case = json.loads(line)
            text = ask(args.url, args.model, case["messages"])
            asked += 1
            right += prompts.last_number(text) == case["expect"]
    print(f"ask: {right} of {asked} right")
    if args.tokens:
        alike, texts = compare_tokens(args.url, Tokenizer.load(args.tokens), 100)
        print(f"ask: {alike} of {texts} texts encoded alike")


if __name__ == "__main__":
    main()
