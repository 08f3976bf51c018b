#!/usr/bin/env python3
"""Drives a language server over its protocol and shows what an editor shows of a project that has the package: the squiggle, and the light bulb where the server loads fixers from packages.

    dotnet tool install csharp-ls --tool-path tools
    python3 tests/language-server.py --server tools/csharp-ls --project <folder with a .csproj and the package> --file Training.cs --expect GRAD2001

    python3 tests/language-server.py --server tools/csharp-ls --project docs/samples/ClosedLoop --file Network.cs --expect GRAD1001 --says ", measured"

The second shows what a training measured, at the layer (docs/monitor.md, "The loop closed": after dotnet run).

Exits with 1 where the expected rule is not shown, or does not say what it is to say. csharp-ls shows the analyzers' reports and none of the packages' fixes; pass --fix for a server that does.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import threading
import time


class Server:
    """A language server that is spoken to over its standard streams."""

    def __init__(self, command, folder):
        self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.answers, self.diagnostics, self.changed, self.number = {}, {}, threading.Condition(), 0
        threading.Thread(target=self._read, daemon=True).start()

    def request(self, method, params, seconds):
        self.number += 1
        number = self.number
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        deadline = time.monotonic() + seconds
        with self.changed:
            while number not in self.answers:
                if not self.changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise TimeoutError(f"no answer to {method} in {seconds} s")
        return self.answers.pop(number)

    def notify(self, method, params):
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def _send(self, message):
        body = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _read(self):
        while header := self.process.stdout.readline():
            length = int(header.split(b":")[1]) if header.lower().startswith(b"content-length") else None
            while header.strip():
                header = self.process.stdout.readline()
                if header.lower().startswith(b"content-length"):
                    length = int(header.split(b":")[1])
            message = json.loads(self.process.stdout.read(length))
            if "method" in message and "id" in message:
                # What a server asks of its editor: settings, progress, registrations. csharp-ls runs analyzers where it is told to.
                items = (message.get("params") or {}).get("items", [])
                result = [{"analyzersEnabled": True} if item.get("section") == "csharp" else None for item in items] if message["method"] == "workspace/configuration" else None
                self._send({"jsonrpc": "2.0", "id": message["id"], "result": result})
            with self.changed:
                if message.get("method") == "textDocument/publishDiagnostics":
                    self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
                elif "id" in message and "method" not in message:
                    self.answers[message["id"]] = message
                self.changed.notify_all()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, nargs="+")
    parser.add_argument("--project", required=True, type=pathlib.Path)
    parser.add_argument("--file", required=True)
    parser.add_argument("--expect", default="GRAD2001")
    parser.add_argument("--says", default="", help="what its message must contain")
    parser.add_argument("--fix", action="store_true", help="the server must offer a fix, too")
    parser.add_argument("--seconds", type=int, default=240)
    options = parser.parse_args()

    folder = options.project.resolve()
    file = folder / options.file
    server = Server(options.server, folder)
    try:
        capabilities = {"textDocument": {"publishDiagnostics": {"relatedInformation": True}, "diagnostic": {}, "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}}}},
                        "workspace": {"configuration": True, "workspaceFolders": True}, "window": {"workDoneProgress": True}}
        answer = server.request("initialize", {"processId": None, "rootUri": folder.as_uri(), "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}], "capabilities": capabilities}, options.seconds)
        pulls = "diagnosticProvider" in answer["result"]["capabilities"]
        server.notify("initialized", {})
        server.notify("workspace/didChangeConfiguration", {"settings": {"csharp": {"analyzersEnabled": True}}})
        document = {"uri": file.as_uri()}
        server.notify("textDocument/didOpen", {"textDocument": {**document, "languageId": "csharp", "version": 1, "text": file.read_text()}})

        shown, deadline = [], time.monotonic() + options.seconds
        def is_expected(diagnostic):
            return options.expect in str(diagnostic.get("code")) and options.says in diagnostic["message"]

        while not any(is_expected(diagnostic) for diagnostic in shown) and time.monotonic() < deadline:
            if pulls:
                pulled = server.request("textDocument/diagnostic", {"textDocument": document}, options.seconds)
                shown = (pulled.get("result") or {}).get("items", [])
            else:
                shown = server.diagnostics.get(file.as_uri(), [])
            time.sleep(2)

        expected = [diagnostic for diagnostic in shown if is_expected(diagnostic)]
        for diagnostic in expected:
            start = diagnostic["range"]["start"]
            print(f"{options.file}({start['line'] + 1},{start['character'] + 1}): {diagnostic['code']}: {diagnostic['message']}")
            try:
                actions = server.request("textDocument/codeAction", {"textDocument": document, "range": diagnostic["range"], "context": {"diagnostics": [diagnostic]}}, options.seconds).get("result") or []
            except TimeoutError:
                actions = []
            fixes = [action["title"] for action in actions if "lip" in action["title"] or "GRAD" in json.dumps(action)]
            print(f"  fixes: {', '.join(fixes) or 'none offered by this server'}")
            if options.fix and not fixes:
                return 1
        if not expected:
            print(f"{options.expect} was not shown in {options.seconds} s; shown: {sorted({str(diagnostic.get('code')) for diagnostic in shown})}", file=sys.stderr)
        return 0 if expected else 1
    finally:
        server.process.kill()


if __name__ == "__main__":
    sys.exit(main())
