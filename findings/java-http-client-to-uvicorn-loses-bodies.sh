#!/usr/bin/env bash
# Java 17's HttpClient as it is made beside uvicorn 0.54.0 with httptools 0.9.0, on which KServe's and MLServer's Python servers stand.
# Guess: a client that offers HTTP/2 and a server that speaks HTTP/1.1 alone agree on HTTP/1.1. Seen: the client sends each POST over
# plain HTTP with "Upgrade: h2c"; httptools ends the request after its head, so that the application gets an empty body, and answers
# to it. With uvicorn's other parser (h11), or with version(HTTP_1_1) in the client, the body arrives.
set -euo pipefail
command -v java >/dev/null || { echo "needs Java 17"; exit 1; }
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 httptools==0.9.0 h11==0.16.0
cd "$folder"
cat > echo_app.py <<'PYTHON'
async def app(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    text = f"{len(body)} bytes".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(text)).encode())]})
    await send({"type": "http.response.body", "body": text})
PYTHON
cat > Post.java <<'JAVA'
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Post {
    public static void main(String[] arguments) throws Exception {
        var builder = HttpClient.newBuilder();
        if (arguments[1].equals("1.1")) {
            builder.version(HttpClient.Version.HTTP_1_1);
        }
        var request = HttpRequest.newBuilder(URI.create(arguments[0]))
            .POST(HttpRequest.BodyPublishers.ofString("{\"instances\": [[1, 2]]}")).build();
        System.out.println(builder.build().send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
JAVA
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
for parser in httptools h11; do
  venv/bin/uvicorn echo_app:app --port "$port" --http "$parser" --log-level error --lifespan off & server=$!
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
  for version in default 1.1; do
    echo "$parser, client $version: $(java Post.java "http://127.0.0.1:$port/" "$version")" | tee -a seen.txt
  done
  kill "$server"; wait "$server" 2>/dev/null || true; server=
done
grep -q '^httptools, client default: 0 bytes$' seen.txt || { echo "changed: the body arrives through httptools now"; exit 1; }
grep -q '^httptools, client 1.1: 23 bytes$' seen.txt || { echo "changed: the body of HTTP/1.1 alone does not arrive"; exit 1; }
grep -q '^h11, client default: 23 bytes$' seen.txt || { echo "changed: h11 reads the body otherwise now"; exit 1; }
